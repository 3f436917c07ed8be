"""Interactive before bulk across processes: a file lock that the kernel gives back when a process dies."""

import asyncio
import fcntl
import logging
import os
import time
from contextlib import suppress
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
        self._marked_at = float("-inf")
        # flock belongs to the open file, not to the process: two of them, so that we see ourselves as others do.
        self._mine = self._probe = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not path.exists()
            self._mine = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            if is_new:
                os.utime(self._mine, (0, 0))  # its time says when someone last asked: nobody has
            self._probe = os.open(path, os.O_RDWR)
        except OSError as error:
            _LOG.warning("no lane between processes: %s", error)

    def enter(self) -> None:
        """Someone waits for an answer; pair with `leave`."""
        self._inside += 1
        self._mark()
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

    def asked_within(self, seconds: float) -> bool:
        """Whether anyone has begun to wait in the last `seconds`, in this process or in another."""
        if time.monotonic() - self._marked_at < seconds:
            return True
        if self._probe < 0:
            return False
        try:
            return 0 <= time.time() - os.fstat(self._probe).st_mtime < seconds
        except OSError:
            return False

    async def clear(self, patience_s: float) -> None:
        """Wait until nobody waits for an answer, but no longer than `patience_s`: bulk work never starves."""
        give_up = asyncio.get_running_loop().time() + patience_s
        while self.busy() and asyncio.get_running_loop().time() < give_up:  # noqa: ASYNC110 - flock has no event
            await asyncio.sleep(POLL_S)

    def _mark(self) -> None:
        self._marked_at = time.monotonic()
        if self._mine >= 0:
            with suppress(OSError):  # a file system that keeps no times: nobody is seen
                os.utime(self._mine)

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
