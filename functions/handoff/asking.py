"""A human is asked for; the shop sees who waits."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse
from uuid_utils.compat import uuid7

from core.handoff.desk import Opened, Request
from core.http.fields import present, utc
from core.http.parameters import ShopIdParameter
from core.http.replies import sent
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.knowledge.learner import Reply
from core.observe.log import timestamp
from functions.handoff.party import Party, party_of
from functions.handoff.structs import (
    HandoffResponse,
    HandoffsResponse,
    HandoffView,
    HoursView,
    OpenRequest,
    OpenResponse,
)

HANDOFF = "/api/handoff"
WhichParameter = Annotated[
    Literal["open", "all"], QueryParameter(name="status", description="With closed ones, or not")
]
LimitParameter = Annotated[int, QueryParameter(ge=1, le=100, description="The most hand-offs")]


@post(HANDOFF, **answers(OpenResponse, "once", body=True))
async def open_one(request: EdgeRequest, data: JSONBody[OpenRequest]) -> ASGIResponse:
    """Ask for a human; needs no key."""
    request.note_shop(data.shop_id)
    services = request.services
    asked = Request(
        shop_id=data.shop_id,
        conversation_id=data.conversation_id or uuid7(),
        user_id=data.user_id,
        message=present(data.message),
        contact=present(data.contact),
    )

    def respond(opened: Opened) -> Reply:
        opening, minutes = opened.opening, services.settings.handoff_patience_min
        response = OpenResponse(
            success=True,
            handoff_id=str(opened.handoff_id),
            visitor_token=opened.token,
            conversation_id=str(opened.conversation_id),
            status="waiting",
            hours=HoursView(opening.is_open, utc(opening.opens_at) if opening.opens_at else None),
            patience_minutes=minutes,
            shop_told=opened.is_told,
            message=opened.promise,
            timestamp=timestamp(),
        )
        return Reply(msgspec.json.encode(response))

    once = Party(data.shop_id, "visitor").once(await request.once(), None)
    reply = await services.desk.open(asked, respond, once)
    return sent(reply)


@get(HANDOFF, **answers(HandoffsResponse, "read"))
async def list_open(
    request: EdgeRequest, shop_id: ShopIdParameter, which: WhichParameter = "open", limit: LimitParameter = 20
) -> ASGIResponse:
    """List who waits for a human, or has one, newest first."""
    request.claim_shop(shop_id)
    found = await request.services.desk.listed(shop_id, closed=which == "all", limit=limit)
    views = [HandoffView.of(shop_id, one, for_owner=True) for one in found]
    return ASGIResponse(body=msgspec.json.encode(HandoffsResponse(True, views, len(views), timestamp())))


@get(f"{HANDOFF}/{{handoff_id:uuid}}", **answers(HandoffResponse, "party"))
async def read_one(request: EdgeRequest, handoff_id: FromPath[UUID]) -> ASGIResponse:
    """Read the state of a hand-off."""
    party = await party_of(request, handoff_id)
    handoff = await request.services.desk.read(party.shop_id, handoff_id)
    shown = HandoffView.of(party.shop_id, handoff, for_owner=party.side == "owner")
    return ASGIResponse(body=msgspec.json.encode(HandoffResponse(True, shown, timestamp())))
