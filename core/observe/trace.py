"""The trace of the request in hand: where its time went, and on which rung its answer stands."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Literal, NamedTuple

Part = Literal["embedding", "database", "cache"]
Mark = Literal["event", "token"]


class Trace:
    """One request's facts for its log line and metrics.

    `seconds` sums what each part took; `first` holds after how many a stream had sent the first of a kind.
    """

    __slots__ = ("began", "cache", "degraded", "first", "request_id", "seconds", "shop_id")

    def __init__(self, request_id: str) -> None:
        self.began = perf_counter()
        self.request_id = request_id
        self.shop_id: int | None = None
        self.seconds: dict[Part, float] = {}
        self.first: dict[Mark, float] = {}
        self.cache: str | None = None
        self.degraded: str | None = None

    def mark(self, what: Mark) -> None:
        """Note the time of the first of a kind."""
        if what not in self.first:
            self.first[what] = perf_counter() - self.began


class Outcome(NamedTuple):
    """How a request ended; `route` is a path template or `unmatched`, so that there are few of them.

    `seconds` is all of it, `first_byte_s` until the answer began: of a stream that is another thing.
    """

    route: str
    method: str
    status: int
    seconds: float
    first_byte_s: float


current_trace: ContextVar[Trace | None] = ContextVar("current_trace", default=None)


def mark(what: Mark) -> None:
    """Note in the current request's trace, if there is one, that its stream has sent the first of a kind."""
    if (trace := current_trace.get()) is not None:
        trace.mark(what)


@contextmanager
def timed(part: Part) -> Iterator[None]:
    """Add the time of the block to `part` of the current request's trace, if there is one."""
    start = perf_counter()
    try:
        yield
    finally:
        if (trace := current_trace.get()) is not None:
            trace.seconds[part] = trace.seconds.get(part, 0.0) + perf_counter() - start
