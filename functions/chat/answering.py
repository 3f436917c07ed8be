"""A message and a shop → an answer with its sources, as one JSON object or as it grows."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated
from uuid import UUID

import msgspec
import uuid_utils.compat as uuid_utils
from litestar import post
from litestar.params import HeaderParameter, JSONBody
from litestar.response.base import ASGIResponse

from core.answer.assistant import whole
from core.answer.events import Answered, Event
from core.handoff.incoming import Incoming
from core.http.events import EventStream, while_there
from core.http.replies import sent
from core.http.request import EdgeRequest, prefers_events
from core.http.routes import answers
from core.knowledge.once import Once, Reply
from core.recording import human_is_due, record_turn, silence, standing, turn_of, unless_taken
from functions.chat.keyed import keyed_of
from functions.chat.replay import place_of
from functions.chat.streaming import Narration
from functions.chat.structs import ChatRequest, ChatResponse, respond

PATH = "/api/chat"
LastEventId = Annotated[
    str | None,
    HeaderParameter(
        name="Last-Event-ID", description="With the same body again: the id of the last event that was received"
    ),
]


@post(PATH, **answers(ChatResponse, "once", body=True, events=True))
async def chat(request: EdgeRequest, data: JSONBody[ChatRequest], last_event_id: LastEventId = None) -> ASGIResponse:
    """Answer a visitor's message; an `Idempotency-Key` counts where it is asked for as JSON."""
    request.note_shop(data.shop_id)
    conversation_id = data.conversation_id or uuid_utils.uuid7()
    if not prefers_events(request):
        return await _answered(request, data, conversation_id)
    services = request.services

    async def finish(answer: Answered) -> ChatResponse:
        return await exchange.finish(answer)

    narration = Narration(services.answers, await request.body(), place_of(last_event_id), finish)
    # Before anything else: whoever asks for the rest of an answer says nothing new.
    if (known := narration.known()) is not None:
        return EventStream(known, narration.farewell)
    exchange = _Exchange(request, data, conversation_id, _incoming(data, narration.once))
    return EventStream(narration.events(await exchange.events(is_whole=False)), narration.farewell)


async def _answered(request: EdgeRequest, data: ChatRequest, conversation_id: UUID) -> ASGIResponse:
    """The answer in one piece; under a key the one of before."""
    answers_kept, keyed = request.services.answers, await keyed_of(request, data)
    if keyed is not None and (before := keyed.recall(answers_kept)) is not None:
        return sent(Reply(before, replayed=True))
    once, turn_id = (None, None) if keyed is None else (keyed.once, keyed.turn_id)
    exchange = _Exchange(request, data, conversation_id, _incoming(data, once), turn_id)
    work = asyncio.create_task(whole(await exchange.events(is_whole=True)))
    if not await while_there(request.receive, work):
        return ASGIResponse(status_code=204)  # nobody reads it
    response = await exchange.finish(work.result())
    body = msgspec.json.encode(response)
    if keyed is not None and response.recorded:
        await keyed.keep(answers_kept, body)
    return ASGIResponse(body=body)


class _Exchange(msgspec.Struct, frozen=True):
    """A message, and what is needed to answer it and to keep the turn; of the same `turn_id` one is kept."""

    request: EdgeRequest
    data: ChatRequest
    conversation_id: UUID
    incoming: Incoming | None
    turn_id: UUID | None = None

    async def events(self, *, is_whole: bool) -> AsyncGenerator[Event, None]:
        """The answer's events, of which the caller is given each or only the whole; silence where a human answers."""
        services = self.request.services
        stands = await standing(services, self.incoming)
        if stands.passed:
            return silence()
        events = services.assistant.answer(self.data.to_question(self.request.now, stands))
        return unless_taken(services, self.incoming, events, whole=is_whole, unsure=stands.unsure)

    async def finish(self, answer: Answered) -> ChatResponse:
        """The response, once the turn is recorded."""
        request, data, conversation_id = self.request, self.data, self.conversation_id
        if answer.kind == "human" or request.is_rehearsal:  # what was said to a human is part of the hand-off already
            return respond(answer, conversation_id)
        turn = turn_of(
            answer, data.message, shop_id=data.shop_id, conversation_id=conversation_id, user_id=data.user_id
        )
        unheard = self.incoming if answer.unsure else None
        kept = await record_turn(request.services, turn, unheard, self.turn_id)
        history = data.conversation_history
        due = await human_is_due(request.services, data.shop_id, conversation_id, answer, history)
        return respond(answer, conversation_id, offer_human=due, recorded=kept)


def _incoming(data: ChatRequest, once: Once | None) -> Incoming | None:
    """The message, where a human may have the conversation: of one that begins nobody has asked for any."""
    if data.conversation_id is None:
        return None
    return Incoming(data.shop_id, data.conversation_id, data.user_id, data.message, once)
