"""A message and a shop → an answer with its sources, as one JSON object or as it grows."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
import uuid_utils.compat as uuid_utils
from litestar import post
from litestar.params import HeaderParameter, JSONBody
from litestar.response.base import ASGIResponse

from core.answer.assistant import whole
from core.answer.events import Answered, Event
from core.answer.turn import Turn
from core.handoff.incoming import Incoming
from core.http.events import EventStream, while_there
from core.http.request import EdgeRequest, prefers_events
from core.http.routes import answers
from core.knowledge.once import Once
from core.recording import human_is_due, record_turn, silence, standing, unless_taken
from core.services import Services
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


@post(PATH, **answers(ChatResponse, body=True, events=True))
async def chat(request: EdgeRequest, data: JSONBody[ChatRequest], last_event_id: LastEventId = None) -> ASGIResponse:
    """Answer a visitor's message."""
    request.note_shop(data.shop_id)
    services = request.services
    conversation_id = data.conversation_id or uuid_utils.uuid7()

    async def finish(answer: Answered) -> ChatResponse:
        return await _finished(request, data, conversation_id, answer, incoming if answer.unsure else None)

    if prefers_events(request):
        narration = Narration(services.answers, await request.body(), place_of(last_event_id), finish)
        # Before anything else: whoever asks for the rest of an answer says nothing new.
        if (known := narration.known()) is not None:
            return EventStream(known, narration.farewell)
        incoming = _incoming(data, narration.once)
        events = await _events(services, data, incoming, request.now, whole=False)
        return EventStream(narration.events(events), narration.farewell)
    incoming = _incoming(data, None)
    work = asyncio.create_task(whole(await _events(services, data, incoming, request.now, whole=True)))
    if not await while_there(request.receive, work):
        return ASGIResponse(status_code=204)  # nobody reads it
    return ASGIResponse(body=msgspec.json.encode(await finish(work.result())))


async def _finished(
    request: EdgeRequest, data: ChatRequest, conversation_id: UUID, answer: Answered, unheard: Incoming | None
) -> ChatResponse:
    """The response, once the turn is recorded; `unheard` where a human may have the conversation."""
    if answer.kind == "human" or request.is_rehearsal:  # what was said to a human is part of the hand-off already
        return respond(answer, conversation_id)
    turn = Turn(
        shop_id=data.shop_id,
        conversation_id=conversation_id,
        user_id=data.user_id,
        message=data.message,
        response=answer.text,
        sources=[msgspec.to_builtins(one) for one in answer.sources],
        answered=answer.known,
        created_at=datetime.now(UTC),
    )
    kept = await record_turn(request.services, turn, unheard)
    history = data.conversation_history
    due = await human_is_due(request.services, data.shop_id, conversation_id, answer, history)
    # An id under which there is nothing is no promise to make.
    return respond(answer, conversation_id if kept else data.conversation_id, offer_human=due, recorded=kept)


def _incoming(data: ChatRequest, once: Once | None) -> Incoming | None:
    """The message, where a human may have the conversation: of one that begins nobody has asked for any."""
    if data.conversation_id is None:
        return None
    return Incoming(data.shop_id, data.conversation_id, data.user_id, data.message, once)


async def _events(
    services: Services, data: ChatRequest, incoming: Incoming | None, now: datetime, *, whole: bool
) -> AsyncGenerator[Event, None]:
    """The answer's events, of which the caller is given each or only the `whole`; silence where a human answers."""
    stands = await standing(services, incoming)
    if stands.passed:
        return silence()
    events = services.assistant.answer(data.to_question(now, stands))
    return unless_taken(services, incoming, events, whole=whole, unsure=stands.unsure)
