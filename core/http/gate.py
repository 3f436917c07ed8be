"""What stands in front of a function's routes: request id, limits, time, log line and metrics of each request."""

import asyncio
import re
from time import perf_counter
from uuid import uuid4

from litestar.types import ASGIApp, HTTPResponseStartEvent, HTTPScope, Message, Receive, Send

from core.errors import EdgeError, FunctionOverloaded, InvalidRequest, Unavailable
from core.function import Function
from core.http.problems import MEDIA_TYPE, problem_bytes, problem_headers
from core.http.query import names_in
from core.observe.log import LineLog, request_line
from core.observe.metrics import Metrics
from core.observe.trace import Outcome, Trace, current_trace

_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
# What operators read stays readable while the function itself is full.
_UNLIMITED = ("/metrics/", "/docs/")
CLIENT_GONE = 499  # nginx's number for a client that left before its answer


class Gate:
    """Serves one application; at most `function.concurrency` requests at a time, each `timeout_s` to its first byte."""

    def __init__(self, function: Function, metrics: Metrics, log: LineLog) -> None:
        self._function = function
        self._metrics = metrics
        self._log = log
        self._in_flight = 0
        metrics.gauge("in_flight", "Requests in hand", lambda: self._in_flight)

    async def serve(self, app: ASGIApp, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; every way out of here has sent a response or lost its client."""
        trace = Trace(_request_id(scope))
        current_trace.set(trace)
        method = str(scope["method"])
        exchange = _Exchange(send, trace.request_id, scope["path"], head=method == "HEAD")
        if exchange.head:
            scope["method"] = "GET"  # a HEAD is answered as its GET, without the body (RFC 9110, 9.3.2)
        try:
            await self._answer(app, scope, receive, exchange)
        finally:
            route = scope.get("path_template") or "unmatched"
            label = method if method in _METHODS else "other"
            end = perf_counter()
            outcome = Outcome(
                route, label, exchange.status, end - trace.began, (exchange.first_byte_at or end) - trace.began
            )
            self._metrics.observe(trace, outcome)
            self._log.write(request_line(self._function.name, trace, outcome))

    async def _answer(self, app: ASGIApp, scope: HTTPScope, receive: Receive, exchange: "_Exchange") -> None:
        try:
            check_target(scope)
        except InvalidRequest as error:
            await exchange.send_problem(error)
            return
        limited = not scope["path"].startswith(_UNLIMITED)
        if limited and self._in_flight >= self._function.concurrency:
            self._metrics.refuse("concurrency")
            await exchange.send_problem(FunctionOverloaded("the function is busy; try again shortly"))
            return
        self._in_flight += limited
        try:
            await self._answer_in_time(app, scope, receive, exchange)
        finally:
            self._in_flight -= limited

    async def _answer_in_time(self, app: ASGIApp, scope: HTTPScope, receive: Receive, exchange: "_Exchange") -> None:
        try:
            async with asyncio.timeout(self._function.timeout_s) as deadline:
                exchange.deadline = deadline
                await app(scope, receive, exchange.send)
        except TimeoutError:
            if exchange.started or not deadline.expired():
                raise
            self._metrics.refuse("timeout")
            await exchange.send_problem(Unavailable("the answer took too long; try again shortly"))


class _Exchange:
    """The response in hand: adds the id, remembers the status, drops the body of a HEAD."""

    __slots__ = ("_id", "_path", "_send", "deadline", "first_byte_at", "head", "status")

    def __init__(self, send: Send, request_id: str, path: str, *, head: bool) -> None:
        self._send = send
        self._id = request_id
        self._path = path
        self.head = head
        self.status = CLIENT_GONE
        self.deadline: asyncio.Timeout | None = None
        self.first_byte_at: float | None = None

    @property
    def started(self) -> bool:
        return self.status != CLIENT_GONE

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start(message)
        elif message["type"] == "http.response.body":
            self.first_byte_at = self.first_byte_at or perf_counter()
            if self.head:
                message["body"] = b""
        await self._send(message)

    def _start(self, message: HTTPResponseStartEvent) -> None:
        self.status = message["status"]
        message["headers"] = [*message["headers"], (b"x-request-id", self._id.encode())]
        if self.deadline is not None and not self.deadline.expired():
            self.deadline.reschedule(None)

    async def send_problem(self, error: EdgeError) -> None:
        body = problem_bytes(error, self._id, self._path)
        headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **problem_headers(error)}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": error.status, "headers": encoded})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


def _request_id(scope: HTTPScope) -> str:
    """The proxy's id when it is well formed, else a new one: ids end up in logs and headers."""
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    if _REQUEST_ID.fullmatch(given):
        return given.decode()
    return uuid4().hex


def check_target(scope: HTTPScope) -> None:
    """Refuse a path or query that is not UTF-8, holds NUL, or names a parameter twice; raises InvalidRequest."""
    path: str = scope["path"]
    if "\0" in path or "\ufffd" in path or not path.isprintable():
        raise InvalidRequest("the path is not printable UTF-8")
    if query := scope.get("query_string", b""):
        names_in(query)
