"""What is deleted for good: a person's data when they ask, everybody's when it is old. The owner's connection alone."""

from collections.abc import Iterable, Iterator
from typing import Literal, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

Owner = psycopg.Connection[TupleRow]
SET_SHOP = "select set_config('edge.shop_id', %s, true)"
SHOPS = "select id from shop order by id"
# What a person is known by → their conversations.
By = Literal["user", "conversation", "handoff", "contact"]
OF_PERSON: dict[By, LiteralString] = {
    # The first user of each by its column too: a release from before the table knew no others.
    "user": """
        select id from conversation
        where user_id = %(value)s or id in (select conversation_id from conversation_user where user_id = %(value)s)
    """,
    "conversation": "select id from conversation where id::text = lower(%(value)s)",
    "handoff": "select conversation_id from handoff where id::text = lower(%(value)s)",
    "contact": "select conversation_id from handoff where lower(contact) = lower(%(value)s)",
}
# With a conversation all goes that refers to it; counted first, since a cascade does not tell.
OF_CONVERSATION = (
    *("conversation_user", "message", "feedback", "correction", "voice_transcript", "learning_queue"),
    *("handoff", "handoff_event", "idempotency"),
)
COUNT = "select count(*) from {} where conversation_id = any(%s)"
COUNT_EVENTS = """
select count(*) from handoff_event join handoff on handoff.shop_id = handoff_event.shop_id and handoff.id = handoff_id
where conversation_id = any(%s)
"""
DELETE = "delete from conversation where id = any(%s)"
# Every table that holds rows of shops, whatever it is called: what is added later is looked through too. But vectors:
# numbers that mention nobody, and take long to be written out.
TABLES = """
select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'shop_id'
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    and c.relname <> 'passage_vector'
order by 1
"""
MENTIONS = "select count(*) from {table} as one where one::text like any(%s)"
EXPIRE = """
delete from conversation where id in (
    select id from conversation where updated_at < now() - make_interval(days => %s) limit 1000
)
"""
# Those that a function is deleting itself are left to it: whoever waits for nobody is in no deadlock.
EXPIRE_ANSWERS = """
delete from idempotency where (shop_id, key_hash) in (
    select shop_id, key_hash from idempotency where created_at < now() - interval '24 hours' for update skip locked
)
"""
EXPIRE_TRANSCRIPTS = "delete from voice_transcript where created_at < now() - make_interval(days => %s)"
EXPIRE_ITEMS = """
delete from learning_queue where conversation_id is null and created_at < now() - make_interval(days => %s)
"""


def shops(owner: Owner) -> list[int]:
    """Every shop that there is."""
    with owner.transaction():
        return [shop_id for (shop_id,) in owner.execute(SHOPS)]


def conversations_of(owner: Owner, shop_id: int, by: By, value: str) -> set[UUID]:
    """The ids of a person's conversations in a shop."""
    with owner.transaction():
        _enter(owner, shop_id)
        return {conversation_id for (conversation_id,) in owner.execute(OF_PERSON[by], {"value": value})}


def forget(owner: Owner, shop_id: int, conversation_ids: Iterable[UUID]) -> dict[str, int]:
    """Delete conversations of a shop with all that refers to them; how many rows of each table."""
    ids = list(conversation_ids)
    with owner.transaction():
        _enter(owner, shop_id)
        gone = {table: _count(owner, table, ids) for table in OF_CONVERSATION}
        gone["conversation"] = owner.execute(DELETE, [ids]).rowcount
    return gone


def mentions(owner: Owner, shop_id: int, by: By, value: str, conversation_ids: Iterable[UUID]) -> dict[str, int]:
    """Of every table that still mentions the person or one of the conversations, in how many rows of the shop."""
    patterns = [f"%{form}%" for one in conversation_ids for form in _forms(one)]
    with owner.transaction():
        _enter(owner, shop_id)
        tables = [name for (name,) in owner.execute(TABLES)]
        found = {table: _mentions(owner, table, patterns) for table in tables}
        found["conversation"] += len(owner.execute(OF_PERSON[by], {"value": value}).fetchall())
    return {table: count for table, count in found.items() if count}


def expire(owner: Owner, days: int) -> Iterator[str]:
    """Delete conversations, transcripts and what came of them that are older; says how many of each shop."""
    for shop_id in shops(owner):
        gone = 0
        while True:
            with owner.transaction():
                _enter(owner, shop_id)
                count = owner.execute(EXPIRE, [days]).rowcount
            gone += count
            if not count:
                break
        with owner.transaction():
            _enter(owner, shop_id)
            gone += owner.execute(EXPIRE_TRANSCRIPTS, [days]).rowcount
            gone += owner.execute(EXPIRE_ITEMS, [days]).rowcount
        if gone:
            yield f"shop {shop_id}: {gone} conversations and transcripts were older than {days} days"


def expire_answers(owner: Owner) -> Iterator[str]:
    """Delete answers under an `Idempotency-Key` that are kept for a day; says how many of each shop."""
    for shop_id in shops(owner):
        with owner.transaction():
            _enter(owner, shop_id)
            gone = owner.execute(EXPIRE_ANSWERS).rowcount
        if gone:
            yield f"shop {shop_id}: {gone} answers under an Idempotency-Key were older than a day"


def _forms(conversation_id: UUID) -> tuple[str, ...]:
    """How an id stands in a row's text: as itself, and in bytes, which are shown in hexadecimal, as text and as 16."""
    return str(conversation_id), str(conversation_id).encode().hex(), conversation_id.hex


def _enter(owner: Owner, shop_id: int) -> None:
    owner.execute(SET_SHOP, [str(shop_id)])


def _count(owner: Owner, table: str, ids: list[UUID]) -> int:
    query = sql.SQL(COUNT_EVENTS) if table == "handoff_event" else sql.SQL(COUNT).format(sql.Identifier(table))
    found = owner.execute(query, [ids]).fetchone()
    assert found is not None
    return int(found[0])


def _mentions(owner: Owner, table: str, patterns: list[str]) -> int:
    found = owner.execute(sql.SQL(MENTIONS).format(table=sql.Identifier(table)), [patterns]).fetchone()
    assert found is not None
    return int(found[0])
