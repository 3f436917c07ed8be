"""The trace of the request in hand: where its time went, and on which rung its answer stands."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Literal, NamedTuple

Part = Literal["embedding", "database", "cache"]


class Trace:
    """One request's facts for its log line and metrics; `seconds` sums what each part took."""

    __slots__ = ("cache", "degraded", "request_id", "seconds", "shop_id")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.shop_id: int | None = None
        self.seconds: dict[Part, float] = {}
        self.cache: str | None = None
        self.degraded: str | None = None


class Outcome(NamedTuple):
    """How a request ended; `route` is a path template or `unmatched`, so that there are few of them."""

    route: str
    method: str
    status: int
    seconds: float


current_trace: ContextVar[Trace | None] = ContextVar("current_trace", default=None)


@contextmanager
def timed(part: Part) -> Iterator[None]:
    """Add the time of the block to `part` of the current request's trace, if there is one."""
    start = perf_counter()
    try:
        yield
    finally:
        if (trace := current_trace.get()) is not None:
            trace.seconds[part] = trace.seconds.get(part, 0.0) + perf_counter() - start
