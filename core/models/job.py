"""What waits for the model and what was sent to it: jobs, calls, how many; and how a line is cut into calls."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

from core.flight import Shared
from core.models.breaker import State
from core.models.pace import Pace
from core.models.text import Work

T = TypeVar("T")

# A piece of about 400 tokens keeps an interactive caller behind it waiting some .3 s (.75 ms a token, two threads).
BULK_TEXTS = 8
BULK_CHARACTERS = 1600


class QueueState(msgspec.Struct, frozen=True):
    """The queue as metrics show it: texts that wait, calls in flight, calls past their time, the circuit."""

    interactive: int
    bulk: int
    in_flight: int
    stalled: int
    breaker: State


class Job(Shared[T]):
    """One text in a line or in a call."""

    __slots__ = ("bulk", "call", "work")

    def __init__(self, work: Work, give_up: Callable[["Job[T]"], None], *, bulk: bool) -> None:
        super().__init__(give_up)
        self.work = work
        self.bulk = bulk
        self.call: Call[T] | None = None


class Call(Generic[T]):
    """Jobs that were sent together at `begun_at` of the loop's clock; calls of their kind have this pace.

    `outcomes` holds one for each of them when the task has ended by itself.
    """

    __slots__ = ("begun_at", "jobs", "outcomes", "pace", "task", "timer")

    def __init__(self, jobs: Sequence[Job[T]], begun_at: float, pace: Pace) -> None:
        self.jobs = jobs
        self.begun_at = begun_at
        self.pace = pace
        self.outcomes: Sequence[T | Exception] | None = None
        self.task: asyncio.Task[None]
        self.timer: asyncio.TimerHandle | None = None

    @property
    def wanted(self) -> bool:
        """Whether anyone has a use for any of its results."""
        return any(job.wanted and not job.done for job in self.jobs)


Line = dict[Job[T], None]


def take_batch(line: Line[T], most: int) -> list[Job[T]]:
    """Take the oldest `most` jobs out of the line."""
    jobs = [job for job, _ in zip(line, range(most), strict=False)]
    for job in jobs:
        del line[job]
    return jobs


def take_piece(line: Line[T], most: int = BULK_TEXTS) -> list[Job[T]]:
    """Take the oldest jobs up to `most` and BULK_CHARACTERS out of the line; one long text is a piece."""
    characters, count = 0, 0
    for job in line:
        characters += len(job.work.text)
        if count == most or (count and characters > BULK_CHARACTERS):
            break
        count += 1
    return take_batch(line, count)


def left_s(calls: Iterable[Call[T]]) -> float:
    """Seconds that these still need, all together, by the pace of late."""
    now = asyncio.get_running_loop().time()
    return sum(max(0.0, call.pace.call_s(len(call.jobs)) - (now - call.begun_at)) for call in calls)
