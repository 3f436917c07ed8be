"""What a visitor says to a human, or to the assistant in a conversation that may be a human's."""

from datetime import datetime
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from core.knowledge.once import Once
from core.outbox.event import Event

UNHEARD = "handoff-unheard"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A visitor asks for a human."""

    shop_id: int
    conversation_id: UUID
    user_id: str | None
    message: str | None
    contact: str | None


class Incoming(msgspec.Struct, frozen=True):
    """A visitor's message; under the same `once` a human is given it once, however often it comes."""

    shop_id: int
    conversation_id: UUID
    user_id: str | None
    text: str
    once: Once | None = None


class Unheard(msgspec.Struct, frozen=True):
    """A message that the assistant answered at a moment when nobody could say whether a human has the conversation."""

    incoming: Incoming
    answered_at: datetime


def unheard_event(incoming: Incoming, answered_at: datetime) -> Event:
    """The event that gives such a message to the human who had it, when the database is back; once."""
    event_id = uuid7()
    once = incoming.once or Once(f"unheard {event_id}", b"")
    message = Unheard(msgspec.structs.replace(incoming, once=once), answered_at)
    return Event(
        id=event_id,
        kind=UNHEARD,
        lane="database",
        shop_id=incoming.shop_id,
        topic=str(incoming.conversation_id),
        person=incoming.user_id,
        payload=msgspec.json.encode(message),
    )


read_unheard = msgspec.json.Decoder(Unheard).decode
