"""What visitors and owners send to each other's desk, and what they get."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from core.db.handoffs import Author, Event, Handoff, Status
from core.http.fields import VISIBLE, Id, ShopId, Time, Timestamp, UserId, trimmed_pattern, utc

Content = Annotated[str, Meta(pattern=VISIBLE, max_length=4000, description="Text, not only blanks, 4000 at most")]
Contact = Annotated[
    str, Meta(pattern=trimmed_pattern(3, 320), description="An address or a number at which to reach the visitor")
]


class OpenRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A visitor asks for a human; without a conversation a new one begins."""

    shop_id: ShopId
    conversation_id: UUID | None = None
    user_id: UserId | None = None
    message: Content | None = None
    contact: Contact | None = None


class HoursView(msgspec.Struct, frozen=True, rename="camel"):
    """Whether the shop is open, null where that is not known, and when it opens next."""

    open: bool | None
    opens_at: Time | None


class OpenResponse(msgspec.Struct, frozen=True, rename="camel"):
    """A human was asked for. `visitorToken` is shown once: it is what the visitor sends as a bearer from now on.

    `shopTold` is false where the shop has neither a mail address nor a webhook: it sees the hand-off when it looks.
    """

    success: bool
    handoff_id: Id
    visitor_token: str
    conversation_id: Id
    status: Status
    hours: HoursView
    patience_minutes: float
    shop_told: bool
    message: str
    timestamp: Timestamp


class HandoffView(msgspec.Struct, frozen=True, rename="camel"):
    """A hand-off; `contact` is for the shop's eyes."""

    id: Id
    shop_id: int
    conversation_id: Id
    status: Status
    created_at: Time
    replied_at: Time | None
    overdue_at: Time | None
    closed_at: Time | None
    contact: str | None = None

    @classmethod
    def of(cls, shop_id: int, one: Handoff, *, for_owner: bool) -> "HandoffView":
        """As its owner, or its visitor, is shown it."""
        return cls(
            id=str(one.id),
            shop_id=shop_id,
            conversation_id=str(one.conversation_id),
            status=one.status,
            created_at=utc(one.created_at),
            replied_at=_utc(one.replied_at),
            overdue_at=_utc(one.overdue_at),
            closed_at=_utc(one.closed_at),
            contact=one.contact if for_owner else None,
        )


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else utc(time)


class HandoffResponse(msgspec.Struct, frozen=True):
    """One hand-off."""

    success: bool
    handoff: HandoffView
    timestamp: Timestamp


class HandoffsResponse(msgspec.Struct, frozen=True, rename="camel"):
    """Hand-offs, newest first; `total` counts all that match, `nextCursor` is null on the last page."""

    success: bool
    handoffs: list[HandoffView]
    count: int
    total: int
    next_cursor: str | None
    timestamp: Timestamp


class MessageRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message to the other side."""

    content: Content


class EventView(msgspec.Struct, frozen=True, rename="camel"):
    """A line of a hand-off: a message, or a change of its state that is told in words."""

    number: int
    kind: Literal["message", "state"]
    author: Author
    status: Status
    content: str
    created_at: Time

    @classmethod
    def of(cls, event: Event) -> "EventView":
        """As both sides are shown it."""
        return cls(event.number, event.kind, event.author, event.status, event.content, utc(event.created_at))


class StreamedLine(msgspec.Struct, frozen=True):
    """A server-sent event: its number, its kind, and the line as JSON text; `resume` has no number."""

    id: str
    event: Literal["message", "state", "resume"]
    data: str


class MessagesResponse(msgspec.Struct, frozen=True):
    """Lines in their order."""

    success: bool
    messages: list[EventView]
    count: int
    timestamp: Timestamp


class SaidResponse(msgspec.Struct, frozen=True):
    """The message was kept as this line."""

    success: bool
    number: int
    status: Status
    timestamp: Timestamp


class ClosedResponse(msgspec.Struct, frozen=True):
    """The assistant has the conversation again."""

    success: bool
    status: Status
    message: str
    timestamp: Timestamp
