"""One limit for all processes: so many at work on the chat model, so many more in line, the rest is turned away."""

import asyncio
import fcntl
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from core.errors import ModelOverloaded

POLL_S = 0.02
RETRY_AFTER_S = 5
_NO_FILE = -1


class Ticket:
    """A place in the line, then a slot. Give it back with `leave`, in every case."""

    def __init__(self, slots: "Slots", seat: int) -> None:
        self._slots = slots
        self._seat = seat
        self._slot: int | None = None

    @property
    def ahead(self) -> int:
        """How many of this process are in line before it, those at work not counted."""
        line = self._slots.line
        return line.index(self) if self in line else 0

    async def ready(self, patience_s: float) -> bool:
        """Whether it is its turn, within `patience_s` from now."""
        give_up = asyncio.get_running_loop().time() + patience_s
        while self._slot is None:
            if self._slots.line[0] is self:
                self._slot = self._slots.begin()
            if self._slot is not None:
                break
            if asyncio.get_running_loop().time() >= give_up:
                return False
            await asyncio.sleep(POLL_S)  # what another process holds has no event
        return True

    def leave(self) -> None:
        """Give back slot and place."""
        self._slots.end(self, self._slot)
        _close(self._slot)
        _close(self._seat)
        self._slot, self._seat = None, _NO_FILE


class Slots:
    """`running` at once, `waiting` more in line, first come, first served within a process.

    Files that are locked count across processes, and the kernel gives back those of a process that dies. Where they
    cannot be opened (a full or read-only disk) only this process's own are counted.
    """

    def __init__(self, folder: Path, running: int, waiting: int) -> None:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        self._slots = [folder / f"chat-slot.{number}" for number in range(running)]
        self._seats = [folder / f"chat-seat.{number}" for number in range(running + waiting)]
        self._at_work = 0
        self.line: deque[Ticket] = deque()

    @property
    def at_work(self) -> int:
        """How many of this process have a slot."""
        return self._at_work

    def join(self) -> Ticket:
        """Get in line; raises ModelOverloaded when it is full."""
        full = len(self.line) + self._at_work >= len(self._seats)
        seat = None if full else _take(self._seats)
        if seat is None:
            raise ModelOverloaded("the model is busy; try again shortly", retry_after_s=RETRY_AFTER_S)
        ticket = Ticket(self, seat)
        self.line.append(ticket)
        return ticket

    def begin(self) -> int | None:
        """Give the first in line a slot, when one is free."""
        slot = _take(self._slots) if self._at_work < len(self._slots) else None
        if slot is not None:
            self._at_work += 1
            self.line.popleft()
        return slot

    def end(self, ticket: Ticket, slot: int | None) -> None:
        """A ticket leaves, with its slot if it had one."""
        if slot is not None:
            self._at_work -= 1
        elif ticket in self.line:
            self.line.remove(ticket)


def _take(files: Sequence[Path]) -> int | None:
    """The descriptor of the first file that nobody holds, locked; None when all are held."""
    for path in files:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return _NO_FILE
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        except OSError:
            os.close(descriptor)
            return _NO_FILE
        else:
            return descriptor
    return None


def _close(descriptor: int | None) -> None:
    if descriptor is not None and descriptor != _NO_FILE:
        os.close(descriptor)
