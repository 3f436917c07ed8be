"""What processes cost: memory that is theirs, and time on a core."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

KIB = 1024


def family(*pids: int) -> list[psutil.Process]:
    """These processes and all below them."""
    found: list[psutil.Process] = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            found += [process, *process.children(recursive=True)]
    return found


def pss_mib(processes: Iterable[psutil.Process]) -> float:
    """Proportional set size (proc(5), smaps_rollup): pages that several processes share count once, in parts."""
    return round(sum(map(_pss_kib, processes)) / KIB, 1)


def cpu_s(processes: Iterable[psutil.Process]) -> float:
    """Seconds on a core so far, in user mode and in the kernel."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _pss_kib(process: psutil.Process) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
