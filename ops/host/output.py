"""Where workers write: the function's log, or, while they are at the gate, a file of their own.

The log is that of all releases of the function. What a new one says before it serves is the operator's to read when it
is refused, without the lines of the one that serves meanwhile.
"""

import fcntl
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

LINES_TOLD = 12
BYTES_READ = 65536
LOG_MODE = 0o600


def open_log(path: Path) -> int:
    """The function's log, to append to; raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, LOG_MODE)


def beside(reason: str, said: Sequence[str]) -> list[str]:
    """The last lines of what was said, without those of the reason: a traceback alone is longer than what is told."""
    told = {line.strip() for line in reason.splitlines()}
    return [line for line in said if line.strip() not in told][-LINES_TOLD:]


class GateOutput:
    """What the workers of one generation say at its gate: a file without a name, on the disk of the log."""

    def __init__(self, log: Path) -> None:
        """On a full disk it is the log itself; raises OSError when that is not there."""
        self._log = log
        self._poured = 0
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=log.parent, buffering=0)  # noqa: SIM115
            self._is_apart = True
            fcntl.fcntl(self._file, fcntl.F_SETFL, os.O_APPEND)
        except OSError:
            self._file = os.fdopen(open_log(log), "wb", buffering=0)
            self._is_apart = False

    @property
    def descriptor(self) -> int:
        """What a worker is to write to."""
        return self._file.fileno()

    def said(self) -> list[str]:
        """The lines, of a long output the last ones."""
        if not self._is_apart:
            return []
        size = os.fstat(self.descriptor).st_size
        content = os.pread(self.descriptor, BYTES_READ, max(size - BYTES_READ, 0))
        return content.decode(errors="replace").splitlines()

    def pour(self) -> None:
        """Append to the log what was said since; on a full disk it is lost, as is what a worker writes there."""
        if not self._is_apart:
            return
        with suppress(OSError):
            log = open_log(self._log)
            try:
                while content := os.pread(self.descriptor, BYTES_READ, self._poured):
                    self._poured += len(content)
                    os.write(log, content)
            finally:
                os.close(log)

    def close(self) -> None:
        """Pour what is left, and let go of the file."""
        self.pour()
        self._file.close()
