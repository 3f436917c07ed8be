"""Processes and what they have started: found, measured and ended together."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

KIB = 1024
# Of /proc/PID/smaps_rollup (proc(5)): what others have mapped as well counts in part, what lies in files does not.
MEASURED = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")


def children(pid: int) -> set[int]:
    """Processes that this one is the parent of (proc(5), /proc/PID/task/TID/children); empty for one that is gone."""
    found: set[int] = set()
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found.update(map(int, (task / "children").read_text().split()))
    return found


def descendants(pid: int) -> list[int]:
    """Children, their children and so on."""
    found: list[int] = []
    level = children(pid)
    while level:
        found += level
        level = {below for one in level for below in children(one)} - {*found}
    return found


def memory_mib(pid: int) -> float:
    """What a process and its descendants hold in memory of their own and in memory that they share, all together.

    What is shared with others, such as the libraries that the zygote has loaded, is divided among them.
    """
    return sum(map(_memory_kib, (pid, *descendants(pid)))) / KIB


def memory_at_most_mib(pid: int) -> float:
    """A bound of `memory_mib` that costs a hundredth: what is shared counts for each."""
    return sum(map(_resident_kib, (pid, *descendants(pid)))) / KIB


def end(pids: Iterable[int]) -> None:
    """Kill them and their descendants: all are frozen before, so that none starts another meanwhile."""
    roots, frozen = {*pids}, set[int]()
    while fresh := {*roots, *(below for pid in roots for below in descendants(pid))} - frozen:
        _signal(fresh, signal.SIGSTOP)
        frozen |= fresh
    _signal(frozen, signal.SIGKILL)


def _signal(pids: Iterable[int], signum: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)


def _memory_kib(pid: int) -> int:
    return _kib(f"/proc/{pid}/smaps_rollup", MEASURED)


def _resident_kib(pid: int) -> int:
    return _kib(f"/proc/{pid}/status", ("VmRSS:", "VmSwap:"))


def _kib(path: str, names: tuple[str, ...]) -> int:
    """The sum of lines such as `VmRSS:  83356 kB`; 0 for a process that has ended."""
    with suppress(OSError):
        return sum(int(line.split()[1]) for line in Path(path).read_text().splitlines() if line.startswith(names))
    return 0
