"""Server-sent events (WHATWG HTML, 9.2) as an answer: ids, a heartbeat, and an end for a client that leaves."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Send

from core.observe.trace import mark

MEDIA_TYPE = "text/event-stream"
HEARTBEAT_S = 10.0
_BEAT = b":\n\n"
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Event(msgspec.Struct, frozen=True):
    """One event; `data` is one line of JSON, without `id` it cannot be resumed from, without `name` it has none."""

    name: str | None
    data: bytes
    id: str | None = None

    def encoded(self) -> bytes:
        """The event as it is sent."""
        name = "" if self.name is None else f"event: {self.name}\n"
        number = "" if self.id is None else f"id: {self.id}\n"
        return f"{name}{number}data: ".encode() + self.data + b"\n\n"


class _Resume(msgspec.Struct, frozen=True, rename="camel"):
    last_event_id: str
    retry_ms: int


def resume(last_id: str, retry_ms: int) -> Event:
    """What to tell a client whose stream ends before it is complete: after which event, and when, to come again."""
    return Event("resume", msgspec.json.encode(_Resume(last_id, retry_ms)))


class EventStream(ASGIResponse):
    """Sends events as they come. When the client leaves, the source is closed at once; `farewell` is sent then.

    With `retry_ms` the stream begins at once, by telling browsers when to come again after a lost connection.

    To a function a stream that its host ends looks like a client that left: the farewell tells such a client, which
    is there still, how to go on.
    """

    _should_set_content_length = False

    def __init__(
        self,
        events: AsyncGenerator[Event, None],
        farewell: Callable[[], Event] | None = None,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        retry_ms: int | None = None,
    ) -> None:
        super().__init__(media_type=MEDIA_TYPE, headers=_HEADERS)
        self._retry_ms = retry_ms
        self._heartbeat_s = heartbeat_s
        self._events = events
        self._farewell = farewell

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send all events, or as many as the client waits for."""
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _ended(sending, leaving)
        if sending.cancelled():
            await self._say_farewell(send)
            return
        sending.result()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, send: Send) -> None:
        try:
            if self._retry_ms is not None:
                await _send(send, f"retry: {self._retry_ms}\n\n".encode())
            coming = asyncio.ensure_future(anext(self._events, None))
            try:
                while (event := await self._or_beat(coming, send)) is not None:
                    await _send(send, event.encoded())
                    mark("event")
                    coming = asyncio.ensure_future(anext(self._events, None))
            finally:
                await _ended(coming)
        finally:
            await self._events.aclose()

    async def _or_beat(self, coming: "asyncio.Future[Event | None]", send: Send) -> Event | None:
        while not (await asyncio.wait((coming,), timeout=self._heartbeat_s))[0]:
            await _send(send, _BEAT)
        return coming.result()

    async def _say_farewell(self, send: Send) -> None:
        with suppress(Exception):  # most often nobody is there
            if self._farewell is not None:
                await _send(send, self._farewell().encoded())


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _ended(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def while_there(receive: Receive, work: "asyncio.Task[Any]") -> bool:
    """Wait for `work` and tell whether its caller was there until then; if not, it has been cancelled."""
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        return work.done()
    finally:
        await _ended(leaving)
        if not work.done():
            await _ended(work)
