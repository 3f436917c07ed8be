"""What a worker bounds itself with, so that the kernel stops what grows faster than the host looks.

The host replaces a worker that is past its limit within a second or two, without losing a request; these bounds are
wider and only for what would endanger the machine before that.
"""

import os
import resource
from pathlib import Path

MIB = 1 << 20
# Stacks of threads and the allocator's reserves count as data whether they are touched or not.
RESERVE_MIB = 512
HARD_FACTOR = 2
# Chosen before the host, the database and the model when memory runs out (proc(5), oom_score_adj).
OOM_SCORE = "500"


def bound_start() -> None:
    """Before anything of a release runs: at most half of the machine's memory, and first to go when it runs out."""
    total_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    _limit_data(total_bytes // 2)
    try:
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    except OSError:
        return  # some containers do not let it be changed


def bound_memory(memory_mib: int) -> None:
    """Once the manifest is known: an allocation past this raises MemoryError (setrlimit(2), RLIMIT_DATA)."""
    status = Path("/proc/self/status").read_text()
    data_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:"))
    _limit_data(data_kib * 1024 + (HARD_FACTOR * memory_mib + RESERVE_MIB) * MIB)


def _limit_data(size_bytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        size_bytes = min(size_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (size_bytes, hard))
