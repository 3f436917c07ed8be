"""Ending an instance from another process, also one whose folder was deleted under it."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from ops.stack import sweep
from ops.stack.folders import Folders
from ops.stack.instance import InstanceError

LONGEST_S = 300.0  # that requests which are under way are waited for (ops/stack/ending.py)
PATIENCE_S = LONGEST_S + 60.0
TELL_AFTER_S = 3.0
POLL_S = 0.05


def stop_from_outside(home: Path, patience_s: float = PATIENCE_S, say: Callable[[str], None] = lambda _: None) -> str:
    """End the instance in `home`; returns what was done, for the operator. Raises InstanceError when it lives on.

    `say` is told what is waited for.
    """
    instance = Folders(home)
    supervisors = _supervisors(instance)
    _end(supervisors, instance.home, patience_s, say)
    found = sweep.leftovers(instance.home, instance.run)
    sweep.end(found)
    if not supervisors and not found:
        return f"nothing runs in {instance.home}"
    ended = f", and {len(found)} processes that were left behind" if found else ""
    return f"stopped{ended}"


def _supervisors(instance: Folders) -> list[psutil.Process]:
    """Who holds the lock, and who held it before the folder was deleted: it would start its parts again."""
    pids = {*sweep.holders_of_deleted(instance.home / "lock"), instance.owner_pid()}
    return [psutil.Process(pid) for pid in pids if pid is not None and psutil.pid_exists(pid)]


def _end(supervisors: list[psutil.Process], home: Path, patience_s: float, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + patience_s
    tell_at = time.monotonic() + TELL_AFTER_S
    for supervisor in supervisors:
        try:
            supervisor.terminate()
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied as error:
            raise InstanceError(f"process {supervisor.pid} of another user runs {home}: stop it as that") from error
        while _lives(supervisor):
            if time.monotonic() > deadline:
                raise InstanceError(
                    f"process {supervisor.pid}, which runs {home}, has not ended within {patience_s:g} s: "
                    f"`kill -KILL {supervisor.pid}` ends it, and `edge down` then what it leaves"
                )
            if time.monotonic() > tell_at:
                say(f"process {supervisor.pid} answers what it has begun, and prints what; `edge down` again cuts it")
                tell_at = deadline
            time.sleep(POLL_S)


def _lives(process: psutil.Process) -> bool:
    """Whether it still runs: psutil's own wait would also wait for the parent of a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
