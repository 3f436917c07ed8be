"""The thin ASGI layer between Granian and a function: counts for the host, and brings what is open to a good end."""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ops.host.gauges import CLIENT_LEFT, Gauges

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

CONNECTION_CLOSE = (b"connection", b"close")
HEARTBEAT_S = 0.5
TIMER_SLACK_S = 0.01  # a timer's clock is read once a turn of the loop, so that it may be early by our clock


class Gatekeeper:
    """Wraps a function's app. A duration is the time to the first byte, so that a stream is not taken for slow.

    Without a first byte it is the time until the application raised, or gave up since the client had left.

    Granian goes on without a lifespan that raised; here `on_failed` is called, which ends the process.
    """

    def __init__(
        self,
        app: App,
        gauges: Gauges,
        timeout_s: float,
        on_started: Callable[[], None],
        on_failed: Callable[[str], None],
    ) -> None:
        self._app = app
        self._gauges = gauges
        self._timeout_s = timeout_s
        self._on_started = on_started
        self._on_failed = on_failed
        self._draining = False
        self._ending = asyncio.Event()

    def drain(self) -> None:
        """From now on every answer ends its connection."""
        self._draining = True

    def end_streams(self) -> None:
        """Tell every stream that its client has left, and send the client the end of the answer.

        To a visitor the stream is over, not cut: a browser's EventSource asks anew, and meets the release that serves.
        """
        self._ending.set()

    def beat(self, loop: asyncio.AbstractEventLoop) -> None:
        """Show the host, twice a second, that the event loop turns."""
        self._gauges.beat()
        loop.call_later(HEARTBEAT_S, self.beat, loop)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _request(self, scope: Message, receive: Receive, send: Send) -> None:
        start, answered = time.perf_counter(), None
        status, is_open, has_left = CLIENT_LEFT, False, False

        async def observe(message: Message) -> None:
            nonlocal status, answered, is_open, has_left
            if message["type"] == "http.response.start":
                status, answered = message["status"], time.perf_counter()
                if self._draining:
                    message["headers"] = [*message.get("headers", ()), CONNECTION_CLOSE]
            is_open = message.get("more_body", False)
            try:
                await send(message)
            except Exception:
                has_left = True
                raise

        async def receive_or_end() -> Message:
            nonlocal has_left
            # Whoever still receives after the first byte of an answer waits for its client to leave.
            message = await (receive() if status == CLIENT_LEFT else self._received_or_ended(receive))
            has_left |= message["type"] == "http.disconnect"
            return message

        self._gauges.begin()
        try:
            await self._app(scope, receive_or_end, observe)
            if is_open and self._ending.is_set():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Exception:
            # After the first byte the visitor sees an answer that is cut, with whatever status it began.
            status = 500 if status == CLIENT_LEFT or not has_left else status
            raise
        finally:
            seconds = (answered or time.perf_counter()) - start
            self._gauges.end(status, seconds, timed_out=seconds >= self._timeout_s - TIMER_SLACK_S)

    async def _received_or_ended(self, receive: Receive) -> Message:
        received, ended = asyncio.ensure_future(receive()), asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait((received, ended), return_when=asyncio.FIRST_COMPLETED)
            return received.result() if received.done() else {"type": "http.disconnect"}
        finally:
            received.cancel()
            ended.cancel()

    async def _lifespan(self, scope: Message, receive: Receive, send: Send) -> None:
        async def observe(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._on_started()
            elif message["type"] == "lifespan.startup.failed":
                self._on_failed(message.get("message") or "the lifespan failed")
            await send(message)

        try:
            await self._app(scope, receive, observe)
        except Exception:  # noqa: BLE001 - told to the operator, and the process ends
            self._on_failed(traceback.format_exc())
