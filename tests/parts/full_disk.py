"""Disks that are full: by a limit on the size of files (setrlimit(2), RLIMIT_FSIZE), or a small one of their own."""

import contextlib
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def full_disk(size_bytes: int) -> Iterator[None]:
    """Let every write of this process past `size_bytes` of a file fail with OSError (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a file system of `size` on the folder, which only root may do (tmpfs(5))."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "small", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def filled(log: Path) -> Iterator[None]:
    """While the block runs nothing fits any more on the disk of this log, not even another line of it."""
    filler, before = log.with_name("filler"), log.stat().st_size
    for path, size in ((filler, 1 << 16), (filler, 1), (log, 1)):
        _append_while_it_fits(path, b"\n" * size)
    try:
        yield
    finally:
        filler.unlink()
        with log.open("r+b") as file:
            file.truncate(before)


def _append_while_it_fits(path: Path, line: bytes) -> None:
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(line)
