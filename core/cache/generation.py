"""The folder of one cache: generations of a SQLite file, the newest in use, the others leftovers.

A damaged file is never replaced in place: a process that still has it open could play its journal
into the file that took its name (sqlite.org/howtocorrupt.html, 4.2). A new generation has a new path.
"""

import errno
import fcntl
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from diskcache import Cache, Timeout

from core.cache.codec import MsgspecDisk

# What a file that anything may have happened to can raise out of diskcache and sqlite3.
DAMAGE = (sqlite3.Error, Timeout, OSError, LookupError, ValueError, TypeError, AttributeError)
# Primary result codes that say nothing of the file's content (sqlite.org/rescode.html).
TRANSIENT = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)
FILE = "cache.db"  # diskcache's name for it
LOCK_WAIT_S = 1.0
PAGE_BYTES = 4096
WRITE_WAIT_S = 0.5
NAME = re.compile(r"[0-9a-f]{16}")


class Generation(NamedTuple):
    """One open file: a reader that never waits for a lock, a writer that waits `WRITE_WAIT_S`."""

    folder: Path
    inode: int
    reader: Cache
    writer: Cache

    def moved(self) -> bool:
        """Tell whether the file was deleted or replaced since it was opened."""
        try:
            return os.stat(f"{self.folder}/{FILE}").st_ino != self.inode  # noqa: PTH116 - a third of the time of Path
        except OSError:
            return True


def open_newest(root: Path, size_limit_bytes: int, *, but: Path | None = None) -> Generation:
    """Open the newest generation; a fresh one if there is none, the newest is `but`, or it cannot be read.

    Raises OSError, sqlite3.Error or diskcache.Timeout when the folder cannot be used. May block for seconds.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if root.stat().st_mode & 0o077:
        root.chmod(0o700)
    with _locked(root / "lock"):
        found = sorted(entry for entry in root.iterdir() if NAME.fullmatch(entry.name))
        if found and found[-1] != but:
            try:
                return _generation(found[-1], size_limit_bytes)
            except DAMAGE as error:
                if result_code(error) in TRANSIENT:
                    raise
        fresh = _generation(_successor(root, found), size_limit_bytes)
        for leftover in found:
            shutil.rmtree(leftover, ignore_errors=True)
    return fresh


def result_code(error: BaseException) -> int:
    """The primary result code of the first SQLite error behind `error`, 1 (SQLITE_ERROR) when there is none.

    The first, because diskcache raises Timeout in place of it, and its ROLLBACK fails where SQLite already did one.
    """
    code: int | None = None
    cause: BaseException | None = error
    while cause is not None:
        code = getattr(cause, "sqlite_errorcode", code)
        cause = cause.__context__
    return (code or sqlite3.SQLITE_ERROR) & 0xFF


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(errno.ETIMEDOUT, "another process holds the cache's lock", str(path)) from None
                time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


def _successor(root: Path, found: list[Path]) -> Path:
    last = int(found[-1].name, 16) if found else 0
    folder = root / f"{max(time.time_ns(), last + 1):016x}"
    folder.mkdir(mode=0o700)
    return folder


def _generation(folder: Path, size_limit_bytes: int) -> Generation:
    writer = _open(folder, size_limit_bytes, WRITE_WAIT_S)
    reader = _open(folder, size_limit_bytes, 0)
    reader.close()  # this thread's connection; the thread that reads opens its own
    return Generation(folder, (folder / FILE).stat().st_ino, reader, writer)


def _open(folder: Path, size_limit_bytes: int, timeout_s: float) -> Cache:
    return Cache(
        str(folder),
        timeout=timeout_s,
        disk=MsgspecDisk,
        size_limit=size_limit_bytes,
        eviction_policy="least-recently-stored",  # the others write on every read
        statistics=0,
        # Not WAL and no mmap: both map files, and a truncated mapping kills the process with SIGBUS.
        sqlite_journal_mode="truncate",
        sqlite_mmap_size=0,
        sqlite_synchronous=0,  # a power cut may cost the cache, never an answer: rows are sealed
        sqlite_max_page_count=max(size_limit_bytes + size_limit_bytes // 4, 1 << 20) // PAGE_BYTES,
        disk_min_file_size=1 << 62,
    )
