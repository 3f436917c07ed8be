"""Who drains a lane: whoever holds its file's lock, which the kernel takes back from a process that is killed."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import OutboxUnavailable
from core.outbox.event import Lane

POLL_S = 0.01


@contextmanager
def holding(folder: Path, lane: Lane, *, wait_s: float = 0.0) -> Iterator[bool]:
    """Whether this process drains the lane while the block runs; `wait_s` is how long it waits for another to end."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / f"{lane}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutboxUnavailable("Nothing can be kept on the disk at the moment.", retry_after_s=5) from error
    try:
        deadline = time.monotonic() + wait_s
        while not (mine := _locked(descriptor)) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        yield mine
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
