"""An answer as server-sent events, each with an id by which its client can go on after a lost connection."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing

import msgspec

from core.answer.events import Answered, Sources, Status, Token
from core.answer.events import Event as AnswerEvent
from core.cache.disk import DiskCache
from core.http.events import Event, resume
from core.http.problems import problem_bytes, told_in_stream
from core.knowledge.once import Once
from core.observe.trace import current_trace, mark
from functions.chat import replay
from functions.chat.structs import ChatResponse, SourceView

RETRY_MS = 500
RESTARTED = b'{"state":"restarted"}'
Finish = Callable[[Answered], Awaitable[ChatResponse]]


class _Sources(msgspec.Struct, frozen=True):
    sources: list[SourceView]


class Narration:
    """The events of one answer to a request; `finish` makes its response once it is complete.

    `place` is where its client stopped, when it asks for the rest.
    """

    def __init__(self, cache: DiskCache, request: bytes, place: replay.Place | None, finish: Finish) -> None:
        self._cache = cache
        self._request = request
        self._place = place
        self._finish = finish
        self._id = replay.new_answer_id(place)
        self._told: list[Event] = []
        self._last_id = ""

    @property
    def once(self) -> Once:
        """What makes the message one, however often its client asks for the rest of the answer."""
        fingerprint = replay.fingerprint(self._request)
        return Once(f"chat {replay.message_of(self._id)} {fingerprint.hex()}", fingerprint)

    def known(self) -> AsyncGenerator[Event, None] | None:
        """The events that are missing after the place, where the answer was complete and is kept; else None."""
        missing = None if self._place is None else replay.recall(self._cache, self._place, self._request)
        return None if missing is None else self._again(missing)

    async def _again(self, missing: Sequence[Event]) -> AsyncGenerator[Event, None]:
        for event in missing:
            self._last_id = event.id or ""
            yield event

    async def events(self, answer: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[Event, None]:
        """All events of an answer that begins now."""
        async with aclosing(answer):
            if self._place is not None:
                yield self._event("status", RESTARTED)
            async with aclosing(self._live(answer)) as live:
                async for event in live:
                    yield event

    def farewell(self) -> Event:
        """What to tell a client whose stream ends before the answer does."""
        return resume(self._last_id, RETRY_MS)

    async def _live(self, answer: AsyncIterator[AnswerEvent]) -> AsyncGenerator[Event, None]:
        try:
            async for event in answer:
                if not isinstance(event, Answered):
                    yield self._event(*_encoded(event))
                    if isinstance(event, Token):
                        mark("token")
                    continue
                response = await self._finish(event)
                done = self._event("done", msgspec.json.encode(response))
                await replay.keep(self._cache, self._id, replay.fingerprint(self._request), self._told)
                yield done
        except Exception as error:  # noqa: BLE001 - the status is sent: the problem is an event
            trace = current_trace.get()
            yield self._event("error", problem_bytes(told_in_stream(error), trace.request_id if trace else ""))

    def _event(self, name: str, data: bytes) -> Event:
        self._last_id = f"{self._id}-{len(self._told)}"
        event = Event(name, data, self._last_id)
        self._told.append(event)
        return event


def _encoded(event: Status | Sources | Token) -> tuple[str, bytes]:
    match event:
        case Status():
            return "status", msgspec.json.encode(event)
        case Sources():
            return "sources", msgspec.json.encode(_Sources([SourceView.of(one) for one in event.sources]))
        case Token():
            return "token", msgspec.json.encode(event)
