"""Who drains a lane: whoever holds its file's lock, which the kernel takes back from a process that is killed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import OutboxUnavailable
from core.outbox.event import Lane


@contextmanager
def holding(folder: Path, lane: Lane, *, wait: bool = False) -> Iterator[bool]:
    """Whether this process drains the lane while the block runs; with `wait` it does not take no for an answer."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / f"{lane}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutboxUnavailable("Nothing can be kept on the disk at the moment.", retry_after_s=5) from error
    try:
        yield _locked(descriptor, wait=wait)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
