"""What was said: a conversation, those of a user, those that a person should look at."""

import os
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from core.app import EdgeApp, make_app
from core.conversations.archive import Thread
from core.conversations.once import write_once
from core.db.connection import Connection
from core.function import Function, Route, Smoke
from core.http.fields import Id, Time, Timestamp, utc
from core.http.replies import sent
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.knowledge.learner import Reply
from core.observe.log import timestamp
from core.services import open_services
from core.settings import Settings

BASE = "/api/conversations"
REVIEW, FLAG = f"{BASE}/review", f"{BASE}/flag"
FUNCTION = Function(
    name="conversations",
    summary="Read and flag what was said to visitors",
    routes=(
        Route("GET", f"{BASE}/{{id}}"),
        Route("GET", f"{BASE}/user/{{userId}}"),
        Route("POST", FLAG),
        Route("GET", REVIEW),
    ),
    smoke=(Smoke("GET", f"{REVIEW}?shopId=1", status=401),),
)
Priority = Literal["low", "normal", "high", "urgent"]
ShopIdParameter = Annotated[int, QueryParameter(name="shopId", ge=1, le=2**31 - 1, description="The shop")]
LimitParameter = Annotated[int, QueryParameter(ge=1, le=100, description="The most conversations")]


class MessageView(msgspec.Struct, frozen=True, rename="camel"):
    """One message: of the visitor, of the assistant or of a human of the shop."""

    id: Id
    role: Literal["user", "assistant", "human"]
    content: str
    sources: list[dict[str, Any]]
    created_at: Time


class ConversationView(msgspec.Struct, frozen=True, rename="camel"):
    """A conversation with its messages, oldest first."""

    id: Id
    user_id: str | None
    shop_id: int
    channel: str
    summary: str | None
    metadata: dict[str, Any]
    needs_review: bool
    review_reason: str | None
    created_at: Time
    messages: list[MessageView]


class ConversationResponse(msgspec.Struct, frozen=True):
    """One conversation."""

    success: bool
    conversation: ConversationView
    timestamp: Timestamp


class ConversationsResponse(msgspec.Struct, frozen=True):
    """Conversations, newest or most urgent first."""

    success: bool
    conversations: list[ConversationView]
    count: int
    timestamp: Timestamp


class FlagRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Why a person should look at a conversation."""

    conversation_id: UUID
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    priority: Priority = "normal"


class FlagResponse(msgspec.Struct, frozen=True):
    """The conversation was flagged."""

    success: bool
    message: str
    timestamp: Timestamp


@get(f"{BASE}/{{conversation_id:uuid}}", **answers(ConversationResponse, "read"))
async def read_one(request: EdgeRequest, conversation_id: FromPath[UUID]) -> ASGIResponse:
    """Read one conversation."""
    archive = request.services.archive
    await archive.settle(conversation_id)
    shop_id = await request.claim_row("conversation", conversation_id)
    thread = await archive.read(shop_id, conversation_id)
    return _encoded(ConversationResponse(True, view(shop_id, thread), timestamp()))


@get(f"{BASE}/user/{{user_id:str}}", **answers(ConversationsResponse, "read"))
async def read_of_user(
    request: EdgeRequest, user_id: FromPath[str], shop_id: ShopIdParameter, limit: LimitParameter = 20
) -> ASGIResponse:
    """Read the conversations of a user, newest first."""
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
        return Reply(msgspec.json.encode(FlagResponse(True, "The conversation was flagged.", timestamp())))

    reply = await write_once(services.database, shop_id, await request.once(), write)
    return sent(reply)


def view(shop_id: int, thread: Thread) -> ConversationView:
    """A conversation as its shop is shown it."""
    one = thread.conversation
    messages = [
        MessageView(str(said.id), said.role, said.content, said.sources, utc(said.created_at))  # type: ignore[arg-type]
        for said in thread.messages
    ]
    return ConversationView(
        str(one.id),
        one.user_id,
        shop_id,
        one.channel,
        one.summary,
        one.metadata,
        one.needs_review,
        one.review_reason,
        utc(one.created_at),
        messages,
    )


def _listed(shop_id: int, threads: list[Thread]) -> ASGIResponse:
    views = [view(shop_id, thread) for thread in threads]
    return _encoded(ConversationsResponse(True, views, len(views), timestamp()))


def _encoded(response: msgspec.Struct) -> ASGIResponse:
    return ASGIResponse(body=msgspec.json.encode(response))


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    handlers = [read_one, read_of_user, read_flagged, flag]
    return make_app(
        FUNCTION, handlers, opens=partial(open_services, settings or Settings.from_environ(os.environ), "conversations")
    )
