"""Reads a log from its end, and goes on reading where it is rotated or cut."""

import os
from pathlib import Path
from typing import IO

BLOCK_BYTES = 65536


class Log:
    """A log's lines, without their ends. A rotated log is read to its end before the new file is begun."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rest = b""
        self._file = self._open()

    def tail(self, count: int) -> list[bytes]:
        """The last `count` lines; `read` goes on after them. What has no end yet counts as a line."""
        if self._file is None:
            return []
        *lines, self._rest = _end_of(self._file, count + 1).split(b"\n")
        lines += [self._rest] if self._rest else []
        return lines[-count:] if count else []

    def read(self) -> list[bytes]:
        """Whole lines that came since the last call."""
        lines = self._read()
        if self._is_replaced():
            lines += self._read()  # what was written between the read above and the rotation
            lines += [self._rest] if self._rest else []
            self.close()
            self._file = self._open()
            lines += self._read()
        return lines

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file, self._rest = None, b""

    def _open(self) -> IO[bytes] | None:
        try:
            return self._path.open("rb", buffering=0)
        except FileNotFoundError:
            return None

    def _read(self) -> list[bytes]:
        if self._file is None:
            return []
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        return lines

    def _is_replaced(self) -> bool:
        """Whether the name means another file now, or this one was cut (logrotate's copytruncate)."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False  # rotated, and nothing was written since
        if self._file is None:
            return True
        ours = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino) or there.st_size < self._file.tell()


def _end_of(file: IO[bytes], lines: int) -> bytes:
    """The end of a file with at least so many ends of lines; leaves the file where what was read ends."""
    at, found = file.seek(0, os.SEEK_END), b""
    end = at
    while at > 0 and found.count(b"\n") <= lines:
        size = min(BLOCK_BYTES, at)
        at = file.seek(at - size)
        found = file.read(size) + found
    file.seek(end)
    return found
