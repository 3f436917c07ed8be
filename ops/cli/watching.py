"""Finds files of a source tree that were saved, made or removed.

Polled, not by inotify: a look at all of functions/ and core/ takes a millisecond, needs no dependency, and sees what
is saved on network and shared folders too.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ops.release.closure import LOCK

WATCHED = ("functions", "core")


class Mark(NamedTuple):
    """What changes when a file is saved, in place or by another one renamed over it."""

    modified_ns: int
    size: int
    inode: int


class Tree:
    """The files below `root` that releases are made of, as they were at the last look."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._marks = self._look()

    def changed(self) -> tuple[Path, ...]:
        """Paths, relative to the root and sorted, that differ from the last look."""
        before, self._marks = self._marks, self._look()
        paths = before.keys() | self._marks.keys()
        return tuple(Path(path) for path in sorted(paths) if before.get(path) != self._marks.get(path))

    def saved_at(self, paths: tuple[Path, ...]) -> float | None:
        """When the last of these was written, in seconds after the epoch; None when all are gone."""
        marks = (self._marks.get(str(path)) for path in paths)
        return max((mark.modified_ns / 1e9 for mark in marks if mark is not None), default=None)

    def _look(self) -> dict[str, Mark]:
        start = len(str(self._root)) + 1
        found = {path[start:]: mark for top in WATCHED for path, mark in _marks(self._root / top)}
        lock = self._root / LOCK
        if lock.exists():
            found[LOCK] = _mark(lock.stat())
        return found


def _marks(folder: str | Path) -> Iterator[tuple[str, Mark]]:
    try:
        entries = [*os.scandir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.name.startswith((".", "#", "__pycache__")) or entry.name.endswith(("~", ".pyc")):
            continue
        try:
            if entry.is_dir():
                yield from _marks(entry.path)
            else:
                yield entry.path, _mark(entry.stat())
        except FileNotFoundError:
            continue  # gone since it was listed


def _mark(status: os.stat_result) -> Mark:
    return Mark(status.st_mtime_ns, status.st_size, status.st_ino)
