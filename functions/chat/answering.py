"""A message and a shop → an answer with its sources, as one JSON object or as it grows."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
import uuid_utils.compat as uuid_utils
from litestar import post
from litestar.params import HeaderParameter, JSONBody
from litestar.response.base import ASGIResponse

from core.answer.assistant import whole
from core.answer.events import Answered, Event
from core.http.events import EventStream, while_there
from core.http.request import EdgeRequest, prefers_events
from core.http.routes import answers
from core.recording import human_is_due, record_turn, silence, standing, turn_of
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
    events = await _events(services, data, request.now)

    async def finish(answer: Answered) -> ChatResponse:
        return await _finished(request, data, conversation_id, answer)

    if prefers_events(request):
        narration = Narration(services.answers, await request.body(), finish)
        return EventStream(narration.events(events, place_of(last_event_id)), narration.farewell)
    work = asyncio.create_task(whole(events))
    if not await while_there(request.receive, work):
        return ASGIResponse(status_code=204)  # nobody reads it
    return ASGIResponse(body=msgspec.json.encode(await finish(work.result())))


async def _finished(request: EdgeRequest, data: ChatRequest, conversation_id: UUID, answer: Answered) -> ChatResponse:
    """The response, once the turn is recorded."""
    if answer.kind == "human" or request.is_rehearsal:  # what was said to a human is part of the hand-off already
        return respond(answer, conversation_id)
    turn = turn_of(answer, data.message, shop_id=data.shop_id, conversation_id=conversation_id, user_id=data.user_id)
    await record_turn(request.services, turn)
    history = data.conversation_history
    due = await human_is_due(request.services, data.shop_id, conversation_id, answer, history)
    return respond(answer, conversation_id, offer_human=due)


async def _events(services: Services, data: ChatRequest, now: datetime) -> AsyncGenerator[Event, None]:
    stands = await standing(services, data.shop_id, data.conversation_id, data.message)
    return silence() if stands.passed else services.assistant.answer(data.to_question(now, stands))
