"""Visitor and owner talk, until one of them closes the hand-off."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from core.db.handoffs import Event
from core.http.replies import sent
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.knowledge.once import Reply
from core.observe.log import timestamp
from functions.handoff.party import party_of
from functions.handoff.structs import ClosedResponse, EventView, MessageRequest, MessagesResponse, SaidResponse

ONE = "/api/handoff/{handoff_id:uuid}"
AfterParameter = Annotated[int, QueryParameter(ge=0, le=2**31 - 1, description="Only lines after this number")]
LimitParameter = Annotated[int, QueryParameter(ge=1, le=100, description="The most lines")]


@get(f"{ONE}/messages", **answers(MessagesResponse, "party"))
async def list_messages(
    request: EdgeRequest, handoff_id: FromPath[UUID], after: AfterParameter = 0, limit: LimitParameter = 100
) -> ASGIResponse:
    """Read what was said and what happened, in order."""
    party = await party_of(request, handoff_id)
    found = await request.services.desk.events(party.shop_id, handoff_id, after=after, limit=limit)
    views = [EventView.of(event) for event in found]
    return ASGIResponse(body=msgspec.json.encode(MessagesResponse(True, views, len(views), timestamp())))


@post(f"{ONE}/messages", **answers(SaidResponse, "party", body=True))
async def say(request: EdgeRequest, handoff_id: FromPath[UUID], data: JSONBody[MessageRequest]) -> ASGIResponse:
    """Say something to the other side."""
    party = await party_of(request, handoff_id)
    once = party.once(await request.once(), handoff_id)
    content = data.content.strip()
    reply = await request.services.desk.say(party.shop_id, handoff_id, party.side, content, _said, once)
    return sent(reply)


@post(f"{ONE}/close", **answers(ClosedResponse, "party"))
async def close(request: EdgeRequest, handoff_id: FromPath[UUID]) -> ASGIResponse:
    """Give the conversation back to the assistant."""
    party = await party_of(request, handoff_id)
    await request.services.desk.close(party.shop_id, handoff_id, party.side)
    body = ClosedResponse(True, "closed", "The assistant has the conversation again.", timestamp())
    return ASGIResponse(body=msgspec.json.encode(body))


def _said(event: Event) -> Reply:
    return Reply(msgspec.json.encode(SaidResponse(True, event.number, event.status, timestamp())))
