"""What the outbox holds: an event that was acknowledged, and what has become of it."""

import time
from typing import Literal
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

# What waits for the database does not wait behind a mail server, and the other way round.
Lane = Literal["database", "delivery"]
LANES: tuple[Lane, ...] = ("database", "delivery")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was acknowledged and is still to be done; `id` makes doing it twice the same as once.

    `topic` is what it is about (a conversation), `person` whose data it holds; `payload` is JSON that the applier of
    `kind` understands. It is done no earlier than `due_at` (seconds of the Unix clock).
    """

    kind: str
    lane: Lane
    shop_id: int
    topic: str
    payload: bytes
    person: str | None = None
    id: UUID = msgspec.field(default_factory=uuid7)
    created_at: float = msgspec.field(default_factory=time.time)
    due_at: float = 0.0


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it lies in the outbox. A dead one is not tried again until an operator says so."""

    event: Event
    attempts: int
    dead: bool
    error: str | None
