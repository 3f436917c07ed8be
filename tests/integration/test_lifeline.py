"""The launcher: what it becomes, as whom, and that it ends with whoever started it."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ops import lifeline
from ops.lifeline import Account, command_of

ROOT = Path(__file__).parents[2]
SHELL = "/bin/sh"


def launched(*arguments: str, **options) -> list[str]:
    return command_of([SHELL, *arguments], account=None, death_signal=signal.SIGTERM, **options)


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def wait_until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_becomes_the_program_in_its_folder_without_the_dropped_variable(tmp_path: Path):
    command = launched("-c", "pwd; echo $$ $DROPPED/$KEPT", cwd=tmp_path, dropped="DROPPED")
    environ = {**os.environ, "DROPPED": "one", "KEPT": "two"}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert f"{tmp_path}\n{process.pid} /two\n" == process.communicate(timeout=30)[0]


def test_a_program_that_is_not_there_is_named():
    done = run(command_of(["/none/such"], account=None, death_signal=signal.SIGTERM))
    assert 1 == done.returncode
    assert "/none/such: No such file or directory" in done.stderr


def test_it_does_not_start_for_a_parent_that_is_gone():
    command = launched("-c", "echo started")
    command[command.index(str(os.getpid()))] = str(os.getpid() + 1)
    done = run(command)
    assert (1, "") == (done.returncode, done.stdout)
    assert "is gone" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_when_its_parent_dies(number: signal.Signals):
    program = (
        "import signal, subprocess\n"
        "from ops.lifeline import command_of\n"
        "sleep = command_of(['/bin/sleep', '60'], account=None, death_signal=signal.SIGTERM)\n"
        "child = subprocess.Popen(sleep)\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        wait_until(lambda: child.name() == "sleep")
        parent.send_signal(number)
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")
def test_root_launches_for_an_account_that_cannot_read_the_launcher(tmp_path: Path):
    """As where the clone lies in a folder of root's alone."""
    tmp_path.chmod(0o700)
    hidden = shutil.copy(lifeline.__file__, tmp_path)
    user = pwd.getpwnam("nobody")
    account = Account(user.pw_name, user.pw_uid, user.pw_gid)
    program = f"test -r {hidden} && echo readable; id -u; id -G"
    command = command_of([SHELL, "-c", program], account=account, death_signal=signal.SIGTERM)
    command[command.index(lifeline.__file__)] = str(hidden)
    assert f"{user.pw_uid}\n{user.pw_gid}\n" == run(command).stdout
