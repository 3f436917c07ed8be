"""What a visitor says to the assistant in a conversation that may be a human's."""

from uuid import UUID

import msgspec

from core.knowledge.once import Once


class Incoming(msgspec.Struct, frozen=True):
    """A visitor's message; under the same `once` a human is given it once, however often it comes."""

    shop_id: int
    conversation_id: UUID
    user_id: str | None
    text: str
    once: Once | None = None
