"""`edge up` in folders of all sorts, by root and by an ordinary user."""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import httpx
import psutil
import pytest

from tests.parts.stack import RunningStack, free_port, running_stack

ROOT = Path(__file__).parents[2]
WITHOUT_DEMO = {"EDGE_ENVIRONMENT": "production", "EDGE_RATE_LIMIT_EXEMPT": "127.0.0.0/8"}
QUESTION = {"query": "how much is a beard trim?", "shopId": 1}


def finds_nothing(stack: RunningStack) -> bool:
    answer = httpx.post(f"{stack.address}/api/knowledge/search", json=QUESTION, timeout=10)
    return answer.status_code == 200 and answer.json()["results"] == []


@pytest.mark.parametrize("name", ["a folder with spaces", "d" * 150, "quo'te \"and; $HOME"])
def test_it_runs_wherever_its_folder_lies(tmp_path: Path, name: str):
    tmp_path.chmod(0o755)
    with running_stack(tmp_path / name, **WITHOUT_DEMO) as stack:
        assert finds_nothing(stack)
        run = (stack.home / "run").resolve()
    assert run.is_relative_to(tmp_path) or not run.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that only root can enter")
def test_root_may_keep_it_where_only_root_can_enter():
    folder = Path(tempfile.mkdtemp(prefix="edge-"))  # 0700
    try:
        with running_stack(folder / "e", **WITHOUT_DEMO) as stack:
            assert finds_nothing(stack)
            assert psutil.Process(stack.pid_of("postgres")).username() != "root"
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test of this module shows it, run by an ordinary user")
def test_an_ordinary_user_runs_it_too():
    user = pwd.getpwnam("nobody")
    python = interpreter_of(user)
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    os.chown(folder, user.pw_uid, user.pw_gid)
    packages = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
    environ = {**os.environ, "EDGE_HOME": str(folder / "e"), "EDGE_PORT": str(free_port()), "PYTHONPATH": packages}
    command = [python, "-B", "-c", "from ops.cli import main; main()", "up"]
    try:
        process = subprocess.Popen(
            command, env={**environ, **WITHOUT_DEMO}, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        output = until_said(process, "Cutting Edge is up")
        assert "Cutting Edge is up" in output
        process.terminate()
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0, rest
    finally:
        shutil.rmtree(folder)


def until_said(process: subprocess.Popen[str], words: str) -> str:
    """What a process has printed when it says `words`, or all of it."""
    output = ""
    for line in process.stdout:
        output += line
        if words in line:
            break
    return output


def interpreter_of(user: pwd.struct_passwd) -> str:
    """This Python, or one of the same version elsewhere, that the user may run; with the packages of this one."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")):
        if found is not None:
            probe = [found, "-c", f"import sys; sys.path.insert(0, {sysconfig.get_path('purelib')!r}); import msgspec"]
            with contextlib.suppress(PermissionError, subprocess.CalledProcessError):
                subprocess.run(probe, user=user.pw_uid, group=user.pw_gid, cwd="/", capture_output=True, check=True)
                return found
    pytest.skip(f"the user nobody may enter neither {sys.prefix} nor another {version} with its packages")
