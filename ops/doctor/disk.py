"""Is there room on the disk?"""

import os
from collections.abc import Iterator
from pathlib import Path

from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, warning
from ops.slo import load
from ops.stack.preflight import FREE_BYTES

MIB = 1 << 20
REMEDY = "free some space, or move EDGE_HOME; lower EDGE_CACHE_SIZE_MIB or EDGE_RELEASES_KEPT"


def examine(box: Box) -> Iterator[Finding]:
    """Look at the file systems of state and of sockets."""
    folders = {path.stat().st_dev: path for path in (box.folders.run, box.folders.home) if path.is_dir()}
    for path in folders.values():
        yield judge(path)


def judge(folder: Path) -> Finding:
    """The file system that `folder` lies on: bytes, and inodes where it counts them."""
    found = os.statvfs(folder)
    free, share = found.f_bavail * found.f_frsize, found.f_bavail / max(found.f_blocks, 1)
    inodes = found.f_favail / found.f_files if found.f_files else 1.0
    detail = f"{free // MIB} MiB ({share:.0%}) and {inodes:.0%} of the inodes are free where {folder} lies"
    if free < FREE_BYTES:
        return fault(detail, REMEDY)
    low = 1 - load().alerts.disk_full.limit
    return warning(detail, REMEDY) if min(share, inodes) < low else ok(detail)
