"""Interactive before bulk across processes: a file lock that the kernel gives back when a process dies."""

import asyncio
import fcntl
import logging
import os
from pathlib import Path

POLL_S = 0.01
_LOG = logging.getLogger(__name__)


class Lane:
    """A hint, not a mutex: whoever waits for an answer holds the file shared, bulk work looks whether anyone does.

    Nothing blocks: without the file (a full or read-only disk) only this process's own callers are seen.
    """

    def __init__(self, path: Path) -> None:
        self._inside = 0
        self._held = False
        # flock belongs to the open file, not to the process: two of them, so that we see ourselves as others do.
        self._mine = self._probe = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._mine = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            self._probe = os.open(path, os.O_RDWR)
        except OSError as error:
            _LOG.warning("no lane between processes: %s", error)

    def enter(self) -> None:
        """Someone waits for an answer; pair with `leave`."""
        self._inside += 1
        if not self._held and self._mine >= 0:
            # Fails only in the instant in which another process probes; the next one to enter tries again.
            self._held = _flock(self._mine, fcntl.LOCK_SH | fcntl.LOCK_NB) is True

    def leave(self) -> None:
        """The one who waited has an answer or has gone."""
        self._inside -= 1
        if not self._inside and self._held:
            _flock(self._mine, fcntl.LOCK_UN)
            self._held = False

    def busy(self) -> bool:
        """Whether anyone waits for an answer, in this process or in another."""
        if self._inside:
            return True
        if self._probe < 0:
            return False
        free = _flock(self._probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if free:
            _flock(self._probe, fcntl.LOCK_UN)
        return free is False

    async def clear(self, patience_s: float) -> None:
        """Wait until nobody waits for an answer, but no longer than `patience_s`: bulk work never starves."""
        give_up = asyncio.get_running_loop().time() + patience_s
        while self.busy() and asyncio.get_running_loop().time() < give_up:  # noqa: ASYNC110 - flock has no event
            await asyncio.sleep(POLL_S)

    def close(self) -> None:
        """Give the file back."""
        for fd in (self._mine, self._probe):
            if fd >= 0:
                os.close(fd)
        self._mine = self._probe = -1
        self._held = False


def _flock(fd: int, how: int) -> bool | None:
    """False when another holds the file, None when the system cannot tell (ENOLCK, EIO): then nobody is seen."""
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        return False
    except OSError as error:
        _LOG.warning("no lane between processes: %s", error)
        return None
    return True
