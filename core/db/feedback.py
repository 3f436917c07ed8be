"""What people said of answers: ratings, corrections, transcripts, and the queue of what to learn from them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import args_row, kwargs_row
from psycopg.types.json import Jsonb

from core.db.connection import Connection
from core.db.pool import Database

RATE = """
insert into feedback (shop_id, id, conversation_id, feedback_type, rating, reason, metadata, created_at)
values (%s, %s, %s, %s, %s, %s, %s, %s)
on conflict (shop_id, id) do nothing
"""
RATING = """
select id, conversation_id, feedback_type, rating, reason, metadata, created_at from feedback
where shop_id = %s and id = %s
"""
CORRECT = """
insert into correction
    (shop_id, id, conversation_id, original_response, corrected_answer, priority, context, metadata)
values (%s, %s, %s, %s, %s, %s, %s, %s)
"""
TRANSCRIBE = """
insert into voice_transcript (shop_id, id, conversation_id, transcript, metadata) values (%s, %s, %s, %s, %s)
"""
QUEUE = """
insert into learning_queue
    (shop_id, id, source_type, source_id, conversation_id, proposed_content, category, confidence_score, priority,
     metadata)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (shop_id, source_id) do nothing
"""
COLUMNS = """id, status, source_type, source_id, conversation_id, proposed_content, category, confidence_score,
    priority, metadata, created_at, passage_id"""
WANTED = """
where shop_id = %(shop_id)s and (%(status)s::text is null or status = %(status)s)
    and (%(source_type)s::text is null or source_type = %(source_type)s)
"""
PAGE = f"""
select {COLUMNS} from learning_queue {WANTED}
order by array_position(array['urgent', 'high', 'normal', 'low'], priority), created_at desc, id desc
limit %(limit)s offset %(offset)s
"""  # noqa: S608 - constants of this module
COUNT = f"select count(*) from learning_queue {WANTED}"  # noqa: S608 - constants of this module
ITEM = f"select {COLUMNS} from learning_queue where shop_id = %s and id = %s"  # noqa: S608 - constants of this module
LOCK = f"{ITEM} for update"
DECIDE = """
update learning_queue set status = %s, reviewed_by = %s, passage_id = %s,
    reviewed_at = case when %s = 'pending' then null else now() end
where shop_id = %s and id = %s
"""
LAST_TURN = """
select
    (select content from message where shop_id = %(shop_id)s and conversation_id = %(id)s and role = 'user'
     and created_at <= answer.created_at order by created_at desc, id desc limit 1),
    answer.content, answer.sources, answer.created_at
from message as answer
where shop_id = %(shop_id)s and conversation_id = %(id)s and role = 'assistant'
    and (%(content)s::text is null or content = %(content)s) and created_at <= %(before)s
order by created_at desc, id desc limit 1
"""


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """What a visitor thinks of a conversation."""

    id: UUID
    conversation_id: UUID
    feedback_type: str
    rating: int | None
    reason: str | None
    metadata: dict[str, Any]
    created_at: datetime


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What should have been answered."""

    id: UUID
    conversation_id: UUID
    original_response: str
    corrected_answer: str
    priority: str
    context: str | None
    metadata: dict[str, Any]


class Item(msgspec.Struct, frozen=True):
    """Something that the owner may approve as knowledge."""

    id: UUID
    status: str
    source_type: str
    source_id: UUID
    conversation_id: UUID | None
    proposed_content: str
    category: str | None = None
    confidence_score: float | None = None
    priority: str = "normal"
    metadata: dict[str, Any] = {}
    created_at: datetime | None = None
    passage_id: UUID | None = None


class Exchange(msgspec.Struct, frozen=True):
    """An answer that was given, what it rested on, and the question before it."""

    question: str | None
    answer: str
    sources: list[dict[str, Any]]
    answered_at: datetime


async def insert_rating(conn: Connection, shop_id: int, rating: Rating) -> bool:
    """Keep a rating; False when there is one of this id, which stays as it is."""
    values = [shop_id, rating.id, rating.conversation_id, rating.feedback_type, rating.rating, rating.reason]
    return (await conn.execute(RATE, [*values, Jsonb(rating.metadata), rating.created_at])).rowcount > 0


async def get_rating(database: Database, shop_id: int, rating_id: UUID) -> Rating | None:
    """One rating, or None. Raises DatabaseUnavailable."""
    rows = await database.read(shop_id, RATING, [shop_id, rating_id], row_factory=kwargs_row(Rating))
    return rows[0] if rows else None


async def insert_correction(conn: Connection, shop_id: int, correction: Correction) -> None:
    """Keep a correction."""
    values = [shop_id, correction.id, correction.conversation_id, correction.original_response]
    values += [correction.corrected_answer, correction.priority, correction.context, Jsonb(correction.metadata)]
    await conn.execute(CORRECT, values)


async def insert_transcript(  # noqa: PLR0913 - the columns of a row
    conn: Connection,
    shop_id: int,
    *,
    transcript_id: UUID,
    conversation_id: UUID | None,
    transcript: str,
    metadata: dict[str, Any],
) -> None:
    """Keep what was said aloud."""
    await conn.execute(TRANSCRIBE, [shop_id, transcript_id, conversation_id, transcript, Jsonb(metadata)])


async def enqueue(conn: Connection, shop_id: int, item: Item) -> None:
    """Ask the owner to decide; a source is asked about once."""
    values = [shop_id, item.id, item.source_type, item.source_id, item.conversation_id, item.proposed_content]
    await conn.execute(QUEUE, [*values, item.category, item.confidence_score, item.priority, Jsonb(item.metadata)])


async def page(  # noqa: PLR0913 - what may be asked for
    database: Database, shop_id: int, *, status: str | None, source_type: str | None, limit: int, offset: int
) -> tuple[list[Item], int]:
    """Items, the most urgent and newest first, and how many match in all. Raises DatabaseUnavailable."""
    values = {"shop_id": shop_id, "status": status, "source_type": source_type, "limit": limit, "offset": offset}
    items = await database.read(shop_id, PAGE, values, row_factory=args_row(Item))
    [(total,)] = await database.read(shop_id, COUNT, values)
    return items, int(total)


async def get_item(database: Database, shop_id: int, item_id: UUID) -> Item | None:
    """One item, or None. Raises DatabaseUnavailable."""
    rows = await database.read(shop_id, ITEM, [shop_id, item_id], row_factory=args_row(Item))
    return rows[0] if rows else None


async def lock_item(conn: Connection, shop_id: int, item_id: UUID) -> Item | None:
    """One item, which nobody else decides on until the transaction ends."""
    cursor = conn.cursor(row_factory=args_row(Item))
    await cursor.execute(LOCK, [shop_id, item_id])
    return await cursor.fetchone()


async def decide(  # noqa: PLR0913 - the columns of a row
    conn: Connection, shop_id: int, item_id: UUID, *, status: str, by: str | None, passage_id: UUID | None
) -> None:
    """Write down what was decided."""
    await conn.execute(DECIDE, [status, by, passage_id, status, shop_id, item_id])


async def last_exchange(
    conn: Connection, shop_id: int, conversation_id: UUID, *, before: datetime, answer: str | None = None
) -> Exchange | None:
    """The last answer (of exactly this text, when one is given) until `before`, with its question."""
    values = {"shop_id": shop_id, "id": conversation_id, "before": before, "content": answer}
    cursor = conn.cursor(row_factory=args_row(Exchange))
    return await (await cursor.execute(LAST_TURN, values)).fetchone()
