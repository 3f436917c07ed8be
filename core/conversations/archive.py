"""Conversations as their shop reads them: with everything that was acknowledged before the question."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from core.conversations.events import TURN
from core.db import conversations
from core.db.connection import Connection
from core.db.conversations import Conversation, Message
from core.db.pool import Database
from core.errors import NotFound
from core.outbox.outbox import Outbox

SETTLE_S = 1.0


class Thread(msgspec.Struct, frozen=True):
    """A conversation with its messages, oldest first."""

    conversation: Conversation
    messages: list[Message]


class Archive:
    """Reads raise DatabaseUnavailable; what another shop said does not exist."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def settle(self, conversation_id: UUID) -> None:
        """Let what was acknowledged be written first, a second at most."""
        await self._outbox.settle(TURN, SETTLE_S, topic=str(conversation_id))

    async def read(self, shop_id: int, conversation_id: UUID) -> Thread:
        """One conversation. Raises NotFound."""
        found = await conversations.get(self._database, shop_id, conversation_id)
        if found is None:
            raise missing(conversation_id)
        return (await self._threads(shop_id, [found]))[0]

    async def of_user(self, shop_id: int, user_id: str, limit: int) -> list[Thread]:
        """A user's conversations, newest first."""
        await self._outbox.settle(TURN, SETTLE_S, shop_id=shop_id)
        return await self._threads(shop_id, await conversations.of_user(self._database, shop_id, user_id, limit))

    async def to_review(self, shop_id: int, limit: int) -> list[Thread]:
        """What was flagged, the most urgent first."""
        return await self._threads(shop_id, await conversations.to_review(self._database, shop_id, limit))

    async def flag(self, conn: Connection, shop_id: int, conversation_id: UUID, *, reason: str, priority: str) -> None:
        """Ask a person to look at a conversation. Raises NotFound."""
        if not await conversations.flag(conn, shop_id, conversation_id, reason=reason, priority=priority):
            raise missing(conversation_id)

    async def _threads(self, shop_id: int, found: Sequence[Conversation]) -> list[Thread]:
        ids = [conversation.id for conversation in found]
        by_id: dict[UUID, list[Message]] = {one: [] for one in ids}
        for message in await conversations.messages(self._database, shop_id, ids) if ids else []:
            by_id[message.conversation_id].append(message)
        return [Thread(conversation, by_id[conversation.id]) for conversation in found]


def missing(conversation_id: UUID) -> NotFound:
    """There is no such conversation, or it is another shop's."""
    return NotFound(f"This shop has no conversation {conversation_id}.")
