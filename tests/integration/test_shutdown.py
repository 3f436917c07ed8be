"""`edge down` and `make clean` while an instance runs: nothing is said that is not so, and nothing is lost."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.stack.instance import InstanceError
from ops.stack.shutdown import stop_from_outside

ROOT = Path(__file__).parents[2]
HOLDER = """
import signal, sys
from pathlib import Path
from ops.stack.instance import Instance
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
instance = Instance(Path(sys.argv[1]))
instance.prepare(None)
instance.lock()
print("locked", flush=True)
signal.pause()
"""

STOP = """
import sys
from pathlib import Path
from ops.stack.shutdown import stop_from_outside
print(stop_from_outside(Path(sys.argv[1]), patience_s=20))
"""


@contextlib.contextmanager
def holder(home: Path, temper: str = "docile") -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of the instance as `edge up` does."""
    command = [sys.executable, "-c", HOLDER, str(home), temper]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".edge"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `make clean` needs of a checkout, with an environment to lose."""
    (tmp_path / "ops").mkdir()
    (tmp_path / ".venv").mkdir()
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "ops/idle.py", tmp_path / "ops")
    return tmp_path


def make_clean(checkout: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "clean", f"PYTHON={sys.executable}"]
    return subprocess.run(
        command, cwd=checkout, env={"PATH": "/usr/bin:/bin", **environ}, capture_output=True, text=True, check=False
    )


def test_a_supervisor_whose_folder_was_deleted_is_still_stopped(home: Path):
    with holder(home) as process:
        shutil.rmtree(home)
        assert "stopped" == stop_from_outside(home)
        assert process.wait(10) is not None


def test_a_supervisor_that_nobody_has_waited_for_has_ended_nevertheless(home: Path):
    with holder(home) as process:
        done = subprocess.run(
            [sys.executable, "-c", STOP, str(home)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (0, "stopped\n") == (done.returncode, done.stdout), done.stderr
        assert process.returncode is None  # a zombie until here


def test_stopped_is_not_said_of_what_lives_on(home: Path):
    with holder(home, "stubborn") as process, pytest.raises(InstanceError, match=f"kill -KILL {process.pid}"):
        stop_from_outside(home, patience_s=0.2)


def test_nothing_runs_where_nothing_ran(home: Path):
    assert f"nothing runs in {home}" == stop_from_outside(home)


def test_clean_refuses_while_an_instance_runs_and_removes_nothing(checkout: Path, home: Path):
    with holder(home) as process:
        done = make_clean(checkout)
    assert done.returncode != 0
    assert f"pid {process.pid}" in done.stderr
    assert "make down" in done.stderr
    assert (home / "journal").is_dir()
    assert (checkout / ".venv").is_dir()


def test_clean_refuses_while_an_instance_elsewhere_runs_by_this_environment(checkout: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    with holder(elsewhere):
        assert make_clean(checkout, EDGE_HOME=str(elsewhere)).returncode != 0
    assert (checkout / ".venv").is_dir()


def test_clean_removes_environment_and_state_when_nothing_runs(checkout: Path, home: Path):
    with holder(home):
        pass
    assert 0 == make_clean(checkout).returncode
    assert not home.exists()
    assert not (checkout / ".venv").exists()
