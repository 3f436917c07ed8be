"""Conversations and their messages: turns applied from the outbox, read back for the shop, flagged for review."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import args_row
from psycopg.types.json import Jsonb

from core.db.connection import Connection
from core.db.pool import Database

SUMMARY_LENGTH = 200
LOCK_SHOP = "select lock_shop()"
SHOP_OF = "select shop_of(%s, %s)"
# The first to name a user stays: a later caller that knows the id must not take a conversation over.
BEGIN = """
insert into conversation (shop_id, id, user_id, summary, created_at, updated_at)
values (%(shop_id)s, %(id)s, %(user_id)s, %(summary)s, %(at)s, %(at)s)
on conflict (shop_id, id) do update set
    user_id = coalesce(conversation.user_id, excluded.user_id),
    updated_at = greatest(conversation.updated_at, excluded.updated_at)
"""
NAME = "insert into conversation_user (shop_id, conversation_id, user_id) values (%s, %s, %s) on conflict do nothing"
SAY = """
insert into message (shop_id, conversation_id, id, role, ordinal, content, sources, answered, created_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (shop_id, conversation_id, id) do nothing
"""
COLUMNS = "id, user_id, channel, summary, metadata, needs_review, review_reason, review_priority, created_at"
GET = f"select {COLUMNS} from conversation where shop_id = %s and id = %s"  # noqa: S608 - constants of this module
EXISTS = "select from conversation where shop_id = %s and id = %s"
OF_USER = f"""
select {COLUMNS} from conversation where shop_id = %s and user_id = %s order by created_at desc, id limit %s
"""  # noqa: S608 - constants of this module
TO_REVIEW = f"""
select {COLUMNS} from conversation where shop_id = %s and needs_review
order by array_position(array['urgent', 'high', 'normal', 'low'], review_priority), created_at desc, id limit %s
"""  # noqa: S608 - constants of this module
MESSAGES = """
select conversation_id, id, role, content, sources, answered, created_at from message
where shop_id = %s and conversation_id = any(%s) order by created_at, ordinal, id
"""
FLAG = """
update conversation set needs_review = true, review_reason = %s, review_priority = %s where shop_id = %s and id = %s
"""
UNANSWERED = """
select id, answered, created_at from message where shop_id = %s and conversation_id = %s and role = 'assistant'
order by created_at desc, id desc limit %s
"""


class Message(msgspec.Struct, frozen=True):
    """One message; `answered` says of the assistant's whether it knew."""

    conversation_id: UUID
    id: UUID
    role: str
    content: str
    sources: list[dict[str, Any]] = []
    answered: bool | None = None
    created_at: datetime | None = None


class Conversation(msgspec.Struct, frozen=True):
    """A conversation without its messages."""

    id: UUID
    user_id: str | None
    channel: str
    summary: str | None
    metadata: dict[str, Any]
    needs_review: bool
    review_reason: str | None
    review_priority: str
    created_at: datetime


async def lock_shop(conn: Connection) -> None:
    """Make the shop exist, and wait for its other writers that did the same."""
    await conn.execute(LOCK_SHOP)


async def shop_of(database: Database, kind: str, row_id: UUID) -> int | None:
    """The shop of a conversation, an item of the learning queue or a hand-off. Raises DatabaseUnavailable."""
    [(shop_id,)] = await database.read(None, SHOP_OF, [kind, row_id])
    return None if shop_id is None else int(shop_id)


async def begin(  # noqa: PLR0913 - the columns of a row
    conn: Connection, shop_id: int, conversation_id: UUID, *, user_id: str | None, first: str, at: datetime
) -> None:
    """Make the conversation exist; one that does gets younger. `first` is what it is summed up by.

    Of several users the first is shown as its own; all of them are known when one is to be forgotten.
    """
    await lock_shop(conn)
    values = {
        "shop_id": shop_id,
        "id": conversation_id,
        "user_id": user_id,
        "summary": first[:SUMMARY_LENGTH] or None,
        "at": at,
    }
    await conn.execute(BEGIN, values)
    await name_user(conn, shop_id, conversation_id, user_id)


async def name_user(conn: Connection, shop_id: int, conversation_id: UUID, user_id: str | None) -> None:
    """Know a user of a conversation that exists."""
    if user_id is not None:
        await conn.execute(NAME, [shop_id, conversation_id, user_id])


async def say(conn: Connection, shop_id: int, messages: Sequence[Message]) -> None:
    """Add messages of one moment, in this order; those that are there stay as they are."""
    for ordinal, one in enumerate(messages):
        await conn.execute(
            SAY,
            [
                shop_id,
                one.conversation_id,
                one.id,
                one.role,
                ordinal,
                one.content,
                Jsonb(one.sources),
                one.answered,
                one.created_at,
            ],
        )


async def exists(conn: Connection, shop_id: int, conversation_id: UUID) -> bool:
    """Whether the shop has the conversation."""
    return (await conn.execute(EXISTS, [shop_id, conversation_id])).rowcount > 0


async def get(database: Database, shop_id: int, conversation_id: UUID) -> Conversation | None:
    """One conversation of the shop, or None. Raises DatabaseUnavailable."""
    rows = await database.read(shop_id, GET, [shop_id, conversation_id], row_factory=args_row(Conversation))
    return rows[0] if rows else None


async def of_user(database: Database, shop_id: int, user_id: str, limit: int) -> list[Conversation]:
    """A user's conversations, newest first. Raises DatabaseUnavailable."""
    return await database.read(shop_id, OF_USER, [shop_id, user_id, limit], row_factory=args_row(Conversation))


async def to_review(database: Database, shop_id: int, limit: int) -> list[Conversation]:
    """Flagged conversations, the most urgent first. Raises DatabaseUnavailable."""
    return await database.read(shop_id, TO_REVIEW, [shop_id, limit], row_factory=args_row(Conversation))


async def messages(database: Database, shop_id: int, conversation_ids: Sequence[UUID]) -> list[Message]:
    """The messages of these conversations, oldest first. Raises DatabaseUnavailable."""
    values = [shop_id, list(conversation_ids)]
    return await database.read(shop_id, MESSAGES, values, row_factory=args_row(Message))


async def flag(conn: Connection, shop_id: int, conversation_id: UUID, *, reason: str, priority: str) -> bool:
    """Mark a conversation for review; False when the shop has none of this id."""
    return (await conn.execute(FLAG, [reason, priority, shop_id, conversation_id])).rowcount > 0


class Known(msgspec.Struct, frozen=True):
    """Whether the assistant knew an answer: `id` is the message's."""

    id: UUID
    answered: bool | None
    created_at: datetime


async def last_answered(database: Database, shop_id: int, conversation_id: UUID, limit: int) -> list[Known]:
    """Of the assistant's last answers, the newest first. Raises DatabaseUnavailable."""
    return await database.read(shop_id, UNANSWERED, [shop_id, conversation_id, limit], row_factory=args_row(Known))
