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


class Meter:
    """Time on a core of some processes from now on; what ends meanwhile is left out."""

    def __init__(self, processes: Iterable[psutil.Process]) -> None:
        self._before = {process: spent for process in processes if (spent := _cpu_s(process)) is not None}

    def spent_s(self) -> float:
        """Seconds so far, in user mode and in the kernel."""
        return sum(now - before for process, before in self._before.items() if (now := _cpu_s(process)) is not None)


def read_bytes(processes: Iterable[psutil.Process]) -> int:
    """What the disk, not the page cache, has given them so far (proc(5), io)."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += process.io_counters().read_bytes
    return total


def _cpu_s(process: psutil.Process) -> float | None:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return None
    return float(times.user + times.system)


def _pss_kib(process: psutil.Process) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
