"""A client of server-sent events that holds a stream to its promise: each number once, in order, and an orderly end."""

import asyncio
import time
from collections.abc import Callable

HEAD_END = b"\r\n\r\n"
NEAR = 4


def _nothing() -> None:
    """Nobody listens."""


class Stream(asyncio.Protocol):
    """Reads `count` events; `on_end` gets the number of events, and in words what was wrong, None for a whole stream.

    `on_begin` is called with the head of the answer, `on_near_end` when `NEAR` events or fewer are left.
    """

    def __init__(self, payload: bytes, count: int, on_end: Callable[[int, str | None], None]) -> None:
        self._payload = payload
        self._count = count
        self._on_end = on_end
        self.began = False
        self.on_begin: Callable[[], None] = _nothing
        self.on_near_end: Callable[[], None] = _nothing
        self._received = b""
        self._text = b""
        self._in_body = False
        self._ended = False
        self._next = 0
        self._saw_end = False
        self._heard_at = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected: ask."""
        self._heard_at = time.monotonic()
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._transport.write(self._payload)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._heard_at = time.monotonic()
        self._received += data
        if not self._in_body:
            head, separator, rest = self._received.partition(HEAD_END)
            if not separator:
                return
            if not head.startswith(b"HTTP/1.1 200") or b"chunked" not in head.lower():
                self._end(f"not a stream: {head[:300]!r}")
                return
            self._in_body, self._received, self.began = True, rest, True
            self.on_begin()
        self._read_chunks()

    def give_up(self, before: float) -> None:
        """Take a stream of which nothing came since then for cut: one that hangs never ends by itself."""
        if not self._ended and self._heard_at < before:
            self._end(f"silent after {self._next} of {self._count} events")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended; a whole stream has ended before."""
        self._end(f"cut after {self._next} of {self._count} events: {exc!r}")

    def _read_chunks(self) -> None:
        while not self._ended and (line_end := self._received.find(b"\r\n")) >= 0:
            size = int(self._received[:line_end], 16)
            whole = line_end + 2 + size + 2
            if len(self._received) < whole:
                return
            if size == 0:
                self._end(None if self._saw_end else f"ended after {self._next} of {self._count} events")
                return
            self._text += self._received[line_end + 2 : whole - 2]
            self._received = self._received[whole:]
            self._read_events()

    def _read_events(self) -> None:
        *events, self._text = self._text.split(HEAD_END)
        for event in events:
            fields = dict(line.split(b": ", 1) for line in event.split(b"\r\n"))
            if int(fields[b"data"]) != self._next or self._saw_end:
                self._end(f"event {fields[b'data']!r} where {self._next} was due")
                return
            if fields.get(b"event") == b"end":
                self._saw_end = True
            else:
                self._next += 1
            if self._count - self._next <= NEAR:
                self.on_near_end()

    def _end(self, wrong: str | None) -> None:
        if not self._ended:
            self._ended = True
            if wrong is None and self._next != self._count:
                wrong = f"{self._next} events where {self._count} were due"
            self._on_end(self._next, wrong)
            self._transport.close()
