"""One JSON line a request and a log record, written to a file descriptor in one call each."""

import logging
import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import msgspec

from core.observe.trace import Outcome, Trace, current_trace

STANDARD_OUTPUT = 1


class RequestLine(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A request as the log keeps it: no query string, no body, no header but the id."""

    time: str
    id: str
    function: str
    route: str
    method: str
    status: int
    ms: float
    shop: int | None = None
    embedding_ms: float | None = None
    database_ms: float | None = None
    cache_ms: float | None = None
    cache: str | None = None
    degraded: str | None = None


class LineLog:
    """Writes lines to a descriptor that it does not own; a log that cannot be written never fails a request."""

    def __init__(self, descriptor: int = STANDARD_OUTPUT) -> None:
        self.descriptor = descriptor
        self.lost = 0
        self._encoder = msgspec.json.Encoder()

    def write(self, line: msgspec.Struct | dict[str, Any]) -> None:
        """Append one object as a line (one write, so that lines of several processes never mix)."""
        try:
            os.write(self.descriptor, self._encoder.encode(line) + b"\n")
        except OSError:
            self.lost += 1


def request_line(function: str, trace: Trace, outcome: Outcome) -> RequestLine:
    """The line of a finished request."""
    return RequestLine(
        time=timestamp(),
        id=trace.request_id,
        function=function,
        route=outcome.route,
        method=outcome.method,
        status=outcome.status,
        ms=_ms(outcome.seconds),
        shop=trace.shop_id,
        embedding_ms=_part_ms(trace, "embedding"),
        database_ms=_part_ms(trace, "database"),
        cache_ms=_part_ms(trace, "cache"),
        cache=trace.cache,
        degraded=trace.degraded,
    )


def timestamp() -> str:
    """Now, RFC 3339 in UTC with milliseconds."""
    return _rfc3339(time.time())


def _rfc3339(seconds: float) -> str:
    return f"{_whole_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(2)
def _whole_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _part_ms(trace: Trace, part: Any) -> float | None:
    seconds = trace.seconds.get(part)
    return None if seconds is None else _ms(seconds)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


class JsonHandler(logging.Handler):
    """Records of the standard library's logging as lines of a LineLog, with the id of the request in hand."""

    def __init__(self, log: LineLog, function: str) -> None:
        super().__init__(logging.INFO)
        self._log = log
        self._function = function

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; its trace goes to the log and never to a caller."""
        trace = current_trace.get()
        line: dict[str, Any] = {
            "time": _rfc3339(record.created),
            "level": record.levelname.lower(),
            "function": self._function,
            "logger": record.name,
            "message": _clean(record.getMessage()),
        }
        if trace is not None:
            line["id"] = trace.request_id
        if record.exc_info and record.exc_info[0] is not None:
            line["trace"] = _clean("".join(traceback.format_exception(*record.exc_info)))
        self._log.write(line)


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@contextmanager
def logging_to(log: LineLog, function: str) -> Iterator[None]:
    """While the block runs, the root logger's records of level INFO and above become lines of `log`."""
    handler, root = JsonHandler(log, function), logging.getLogger()
    logging.getLogger("httpx").setLevel(
        logging.WARNING
    )  # it notes each request, and the model is asked in most of ours
    previous = root.level
    root.addHandler(handler)
    root.setLevel(min(previous, logging.INFO) if previous else logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(previous)
