"""Raw HTTP/1.1 connections of the load generator: cheap, and strict about what counts as an answer."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

HEAD_END = b"\r\n\r\n"
RELEASE = b"x-drill-release: "
LENGTH = b"content-length: "


class Request(NamedTuple):
    """`number` is what a write writes, `sent_at` in CLOCK_MONOTONIC."""

    kind: str
    payload: bytes
    number: int
    sent_at: float


class Answer(NamedTuple):
    """A whole answer; `release` is empty when it is nginx's own."""

    status: int
    release: str
    body: bytes
    is_last: bool


class Connection(asyncio.Protocol):
    """One connection, one request at a time. `on_end` gets an Answer, or in words why there is none."""

    def __init__(self, on_end: Callable[["Connection", Request, Answer | str], None]) -> None:
        self._on_end = on_end
        self._request: Request | None = None
        self._received = b""
        self.transport: asyncio.Transport
        self.is_open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.transport = transport  # type: ignore[assignment]

    def send(self, request: Request) -> None:
        """Send a request; the one before has been answered."""
        self._request = request
        self.transport.write(request.payload)

    def give_up(self, before: float) -> None:
        """Take a request that was sent before then for lost."""
        if self._request is not None and self._request.sent_at < before:
            self.transport.abort()
            self._end("no answer in time")

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._received += data
        head_end = self._received.find(HEAD_END)
        if head_end < 0:
            return
        head = self._received[:head_end].lower() + b"\r\n"
        length = _field(head, LENGTH)
        if not length.isdigit():
            self.transport.abort()
            self._end(f"an answer without a length: {head[:200]!r}")
        elif len(self._received) >= (size := head_end + len(HEAD_END) + int(length)):
            body = self._received[head_end + len(HEAD_END) : size]
            self._received = self._received[size:]
            is_last = b"\r\nconnection: close" in head
            self._end(Answer(int(head[9:12]), _field(head, RELEASE).decode(), body, is_last))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended; with a request in hand that request is lost."""
        self.is_open = False
        got = f", after {self._received[:100]!r}" if self._received else ""
        self._end(f"cut before its answer: {exc!r}{got}")

    def _end(self, end: Answer | str) -> None:
        request, self._request = self._request, None
        if request is not None:
            self._on_end(self, request, end)


def _field(head: bytes, name: bytes) -> bytes:
    at = head.find(b"\r\n" + name)
    if at < 0:
        return b""
    start = at + 2 + len(name)
    return head[start : head.index(b"\r\n", start)]
