"""A human is asked for; the shop sees who waits."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse
from uuid_utils.compat import uuid7

from core.handoff.desk import Opened
from core.handoff.incoming import Request
from core.handoff.tokens import token_from
from core.http.cursor import cursor_of, position_of
from core.http.fields import present, utc
from core.http.parameters import CursorParameter, ShopIdParameter
from core.http.replies import sent
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.knowledge.once import Once, Reply
from core.observe.log import timestamp
from functions.handoff.party import opening_once, party_of
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
        kept = msgspec.structs.replace(response, visitor_token=opened.seed)
        return Reply(msgspec.json.encode(response), kept=msgspec.json.encode(kept))

    once = opening_once(await request.once(), data.conversation_id)
    reply = await services.desk.open(asked, respond, once)
    return sent(_with_token(reply, once) if once is not None and reply.replayed else reply)


def _with_token(reply: Reply, once: Once) -> Reply:
    """The answer from before, with the token that nobody kept: whoever sends the same request can be given it again."""
    kept = msgspec.json.decode(reply.body, type=OpenResponse)
    response = msgspec.structs.replace(kept, visitor_token=token_from(kept.visitor_token, once))
    return msgspec.structs.replace(reply, body=msgspec.json.encode(response))


@get(HANDOFF, **answers(HandoffsResponse, "read"))
async def list_open(
    request: EdgeRequest,
    shop_id: ShopIdParameter,
    which: WhichParameter = "open",
    limit: LimitParameter = 20,
    cursor: CursorParameter = None,
) -> ASGIResponse:
    """List who waits for a human, or has one, newest first."""
    request.claim_shop(shop_id)
    after = None if cursor is None else position_of(cursor)
    page = await request.services.desk.listed(shop_id, closed=which == "all", limit=limit, after=after)
    views = [HandoffView.of(shop_id, one, for_owner=True) for one in page.handoffs]
    following = cursor_of(page.after) if page.after else None
    response = HandoffsResponse(True, views, len(views), page.total, following, timestamp())
    return ASGIResponse(body=msgspec.json.encode(response))


@get(f"{HANDOFF}/{{handoff_id:uuid}}", **answers(HandoffResponse, "party"))
async def read_one(request: EdgeRequest, handoff_id: FromPath[UUID]) -> ASGIResponse:
    """Read the state of a hand-off."""
    party = await party_of(request, handoff_id)
    handoff = await request.services.desk.read(party.shop_id, handoff_id)
    shown = HandoffView.of(party.shop_id, handoff, for_owner=party.side == "owner")
    return ASGIResponse(body=msgspec.json.encode(HandoffResponse(True, shown, timestamp())))
