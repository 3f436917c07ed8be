"""What the shop is shown of conversations, and how it flags one."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from core.conversations.archive import Thread
from core.http.fields import Id, Priority, Time, Timestamp, utc


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
