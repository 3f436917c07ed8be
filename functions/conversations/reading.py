"""Conversations are read, and flagged for a person to look at."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from core.conversations.archive import Thread
from core.db.connection import Connection
from core.http.parameters import ShopIdParameter
from core.http.replies import encoded, sent
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.knowledge.once import Reply, write_once
from core.observe.log import timestamp
from functions.conversations.structs import (
    ConversationResponse,
    ConversationsResponse,
    FlagRequest,
    FlagResponse,
    view,
)

BASE = "/api/conversations"
REVIEW, FLAG, OF_USER = f"{BASE}/review", f"{BASE}/flag", f"{BASE}/user"
UserIdParameter = Annotated[
    str, QueryParameter(name="userId", min_length=1, max_length=200, description="As the chatbot names them")
]
LimitParameter = Annotated[int, QueryParameter(ge=1, le=100, description="The most conversations")]


@get(f"{BASE}/{{conversation_id:uuid}}", **answers(ConversationResponse, "read"))
async def read_one(request: EdgeRequest, conversation_id: FromPath[UUID]) -> ASGIResponse:
    """Read one conversation."""
    archive = request.services.archive
    await archive.settle(conversation_id)
    shop_id = await request.claim_row("conversation", conversation_id)
    thread = await archive.read(shop_id, conversation_id)
    return encoded(ConversationResponse(True, view(shop_id, thread), timestamp()))


@get(f"{OF_USER}/{{user_id:str}}", **answers(ConversationsResponse, "read"))
async def read_of_user(
    request: EdgeRequest, user_id: FromPath[str], shop_id: ShopIdParameter, limit: LimitParameter = 20
) -> ASGIResponse:
    """Read the conversations of a user, newest first."""
    request.claim_shop(shop_id)
    return _listed(shop_id, await request.services.archive.of_user(shop_id, user_id, limit))


@get(OF_USER, **answers(ConversationsResponse, "read"))
async def read_of_any_user(
    request: EdgeRequest, user_id: UserIdParameter, shop_id: ShopIdParameter, limit: LimitParameter = 20
) -> ASGIResponse:
    """Read the conversations of a user whose id is no segment of an address, newest first."""
    request.claim_shop(shop_id)
    return _listed(shop_id, await request.services.archive.of_user(shop_id, user_id, limit))


@get(REVIEW, **answers(ConversationsResponse, "read"))
async def read_flagged(request: EdgeRequest, shop_id: ShopIdParameter, limit: LimitParameter = 20) -> ASGIResponse:
    """Read what a person should look at, the most urgent first."""
    request.claim_shop(shop_id)
    return _listed(shop_id, await request.services.archive.to_review(shop_id, limit))


@post(FLAG, **answers(FlagResponse, "write", body=True))
async def flag(request: EdgeRequest, data: JSONBody[FlagRequest]) -> ASGIResponse:
    """Ask a person to look at a conversation."""
    services, conversation_id = request.services, data.conversation_id
    await services.archive.settle(conversation_id)
    shop_id = await request.claim_row("conversation", conversation_id)

    async def write(conn: Connection) -> Reply:
        await services.archive.flag(conn, shop_id, conversation_id, reason=data.reason, priority=data.priority)
        response = FlagResponse(True, "The conversation was flagged.", timestamp())
        return Reply(msgspec.json.encode(response), about=conversation_id)

    reply = await write_once(services.database, shop_id, await request.once(), write)
    return sent(reply)


def _listed(shop_id: int, threads: list[Thread]) -> ASGIResponse:
    views = [view(shop_id, thread) for thread in threads]
    return encoded(ConversationsResponse(True, views, len(views), timestamp()))
