"""Finds the processes of an instance that has no supervisor any more, and ends them."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

PATIENCE_S = 10.0
SERVERS = ("nginx", "postgres")


def leftovers(home: Path, run: Path) -> list[psutil.Process]:
    """Processes that run for the instance in `home`: by their environment, or by the folder they stand in."""
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [
        process
        for process in psutil.process_iter()
        if process.pid not in spared and _belongs(process, home, run) and process.status() != psutil.STATUS_ZOMBIE
    ]


def end(processes: Iterable[psutil.Process]) -> None:
    """Ask each to end, and kill those that have not after ten seconds."""
    found = list(processes)
    for process in found:
        _signal(process.terminate)
    _, alive = psutil.wait_procs(found, timeout=PATIENCE_S)
    for process in alive:
        _signal(process.kill)
    psutil.wait_procs(alive, timeout=PATIENCE_S)


def holders_of_deleted(path: Path) -> set[int]:
    """The pids of processes that have this file open although it was deleted (proc(5), /proc/pid/fd)."""
    target = f"{path.resolve()} (deleted)"
    holders = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):  # it ended, or is another user's
            if str(link.readlink()) == target:
                holders.add(int(link.parts[2]))
    return holders - {os.getpid()}


def _belongs(process: psutil.Process, home: Path, run: Path) -> bool:
    try:
        if process.environ().get("CUTTING_EDGE_INSTANCE") == str(home):
            return True
        if not process.name().startswith(SERVERS):
            return False
        stands_in = Path(process.cwd())
    except (psutil.Error, OSError):
        return False
    # A server that empties its environment still stands in a folder of the instance; so may somebody's shell.
    return any(stands_in.is_relative_to(folder) for folder in (home / "postgres" / "data", run))


def _signal(send: object) -> None:
    try:
        send()  # type: ignore[operator]
    except psutil.NoSuchProcess:
        return
