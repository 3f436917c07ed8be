"""Keeps log files from filling the disk, whoever writes them."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

LIMIT_BYTES = 64 * 1024 * 1024


def bound(folder: Path, limit_bytes: int = LIMIT_BYTES) -> list[Path]:
    """Move what a log over the limit holds to `NAME.1` and go on with an empty one; returns the logs cut.

    Copied and truncated, not renamed: a writer keeps its descriptor and appends, so what it writes next is in the
    emptied file. Lines written between the two steps are lost. On a full disk nothing is kept.
    """
    cut = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".log", ".json"} and _size(path) > limit_bytes:
            with suppress(OSError):
                shutil.copyfile(path, path.with_name(f"{path.name}.1"))
            with suppress(OSError):
                os.truncate(path, 0)
                cut.append(path)
    return cut


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
