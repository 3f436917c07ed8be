"""A change of model, shop by shop: what has no vectors of the new one yet, its vectors beside the old, the switch.

What is left is read from the rows themselves, so that a run that was killed is gone on with by the next one.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec
import psycopg
from pgvector import HalfVector
from psycopg.rows import TupleRow, args_row

from core.db.connection import Connection
from core.db.models import COLUMNS, ModelRow
from core.db.passages import TEXT_A_STATEMENT, insert_vectors
from core.db.pool import SET_SHOP, Database

PASSAGES_A_BATCH = 32
VECTORS_A_DELETE = 500
# Searches that read the state of before the switch have ended by then.
FORGET_AFTER = "1 minute"
NONE_YET = """
passage.shop_id = %(shop)s and not exists (
    select from passage_vector
    where passage_vector.shop_id = passage.shop_id and passage_vector.passage_id = passage.id
        and passage_vector.model_id = %(model)s and passage_vector.ordinal = 0
)
"""
# A shop without passages and without a model has nothing to move: its first write gives it the model of then.
SHOPS = """
select id, model_id is not distinct from %(model)s, ann from shop
where passages > 0 or model_id is not null order by passages, id
"""
WITH_PASSAGES = "select id, model_id is not distinct from %(model)s, ann from shop where passages > 0 order by id"
COUNT = f"select count(*) from passage where {NONE_YET}"  # noqa: S608 - constants of this module
BATCH = f"""
select id, content from (
    select id, content, sum(length(content)) over (order by id) - length(content) as before from passage
    where {NONE_YET} and (%(after)s::uuid is null or id > %(after)s)
    order by id limit %(limit)s
) as next
where before < %(most)s order by id
"""  # noqa: S608 - constants of this module
STILL = f"select id, content from passage where {NONE_YET} and id = any(%(ids)s) "  # noqa: S608 - as above
HOLD = "select hold_shop()"
ASIDE = "select set_config('edge.vectors', 'aside', true)"
SWITCH = "select switch_model(%s)"
SWITCHED = "select id from shop where switched_at < clock_timestamp() - %s::interval order by id"
FORGET = """
delete from passage_vector where shop_id = %(shop)s and (passage_id, model_id, ordinal) in (
    select passage_id, passage_vector.model_id, ordinal
    from passage_vector join shop on shop.id = passage_vector.shop_id
    where shop_id = %(shop)s and passage_vector.model_id <> shop.model_id and passage_vector.model_id is distinct from (
        select id from model where chosen_at is not null order by chosen_at desc limit 1
    )
    limit %(limit)s
)
"""
FORGOTTEN = "update shop set switched_at = null where id = %s"
IN_USE = f"""
select {COLUMNS}, shops from model join (
    select model_id, array_agg(id order by id) as shops from shop group by model_id
) as of_shops on model_id = model.id
order by id
"""  # noqa: S608 - a constant of core.db.models
TARGET = """
select id, name from model where chosen_at is not null or digest = %s
order by chosen_at desc nulls last limit 1
"""


class Unembedded(NamedTuple):
    """A passage without vectors of the new model."""

    id: UUID
    content: str


class Left(msgspec.Struct, frozen=True, rename="camel"):
    """What a shop lacks: `passages` without vectors of the model, and the switch unless it `uses` the model.

    `indexed`: its searches go by an approximate index.
    """

    shop_id: int
    passages: int
    uses: bool
    indexed: bool


async def shops_left(database: Database, row: ModelRow) -> list[Left]:
    """The shops that do not use this model, or lack vectors of it; the smallest first. Raises DatabaseUnavailable."""
    found = []
    for shop_id, uses, indexed in await database.read(None, SHOPS, {"model": row.id}):
        passages = await count_left(database, shop_id, row)
        if passages or not uses:
            found.append(Left(shop_id, passages, uses, indexed))
    return found


async def count_left(database: Database, shop_id: int, row: ModelRow) -> int:
    """How many passages of a shop lack vectors of the model. Raises DatabaseUnavailable."""
    [(passages,)] = await database.read(shop_id, COUNT, {"shop": shop_id, "model": row.id})
    return int(passages)


class Waiting(msgspec.Struct, frozen=True):
    """The model that all shops are to use, by its name, and what each that does not has left to do."""

    model: str
    left: list[Left]


def waiting(owner_dsn: str, digest: str | None) -> Waiting | None:
    """What a change of model has left: to the one chosen last, or where none was chosen to the one of `digest`.

    A shop without passages waits for nothing, whatever model it is to be switched to. None where there is no such
    model. Raises psycopg.Error.
    """
    with psycopg.connect(owner_dsn, autocommit=True, application_name="edge reembed", connect_timeout=10) as conn:
        target = conn.execute(TARGET, [digest]).fetchone()
        if target is None:
            return None
        model_id, name = target
        shops = conn.execute(WITH_PASSAGES, {"model": model_id}).fetchall()
        found = [Left(shop_id, _lacking(conn, shop_id, model_id), *of_shop) for shop_id, *of_shop in shops]
    return Waiting(name, [left for left in found if left.passages or not left.uses])


class InUse(NamedTuple):
    """A model that searches of these shops use."""

    model: ModelRow
    shops: list[int]


def models_in_use(owner_dsn: str) -> list[InUse]:
    """The models of all shops. Raises psycopg.Error."""
    with psycopg.connect(owner_dsn, autocommit=True, application_name="edge reembed", connect_timeout=10) as conn:
        rows = conn.execute(IN_USE).fetchall()
    return [InUse(ModelRow(*of_model), shops) for *of_model, shops in rows]


def _lacking(conn: psycopg.Connection[TupleRow], shop_id: int, model_id: int) -> int:
    with conn.transaction():
        conn.execute(SET_SHOP, [str(shop_id)])
        row = conn.execute(COUNT, {"shop": shop_id, "model": model_id}).fetchone()
    assert row is not None
    return int(row[0])


async def next_batch(database: Database, shop_id: int, row: ModelRow, after: UUID | None) -> list[Unembedded]:
    """Some passages without vectors of the model, by their ids. Raises DatabaseUnavailable."""
    return await database.read(
        shop_id, BATCH, _batch(shop_id, row, after, PASSAGES_A_BATCH), row_factory=args_row(Unembedded)
    )


async def hold(conn: Connection, row: ModelRow) -> None:
    """Keep other writers of the shop waiting; vectors that no search uses are written without a new version."""
    held = await (await conn.execute(HOLD)).fetchone()
    if held is not None and held[0] != row.id:
        await conn.execute(ASIDE)


async def batch_held(conn: Connection, shop_id: int, row: ModelRow, limit: int) -> list[Unembedded]:
    """As `next_batch`, from within a transaction that holds the shop."""
    cursor = conn.cursor(row_factory=args_row(Unembedded))
    await cursor.execute(BATCH, _batch(shop_id, row, None, limit))
    return await cursor.fetchall()


async def add_vectors(
    conn: Connection, shop_id: int, row: ModelRow, embedded: Sequence[tuple[Unembedded, Sequence[HalfVector]]]
) -> int:
    """Add the vectors of those passages that still say what was embedded, in a transaction that holds the shop."""
    ids = [passage.id for passage, _ in embedded]
    cursor = conn.cursor(row_factory=args_row(Unembedded))
    await cursor.execute(STILL, {"shop": shop_id, "model": row.id, "ids": ids})
    still = set(await cursor.fetchall())
    items = [(passage.id, vectors) for passage, vectors in embedded if passage in still]
    await insert_vectors(conn, shop_id, row.digest, items)
    return len(items)


async def switch(conn: Connection, row: ModelRow) -> bool:
    """Let the shop's searches use this model from the commit on; False while a passage has no vectors of it."""
    found = await (await conn.execute(SWITCH, [row.id])).fetchone()
    return found == (True,)


def forget_old_vectors(owner_dsn: str, after: str = FORGET_AFTER) -> list[str]:
    """Remove the vectors that shops used before they were switched; returns what was done. Raises psycopg.Error."""
    with psycopg.connect(owner_dsn, autocommit=True, application_name="edge reembed") as conn:
        done = [(shop_id, _forget(conn, shop_id)) for (shop_id,) in conn.execute(SWITCHED, [after]).fetchall()]
    return [f"removed {count} vectors of shop {shop_id}'s model before" for shop_id, count in done if count]


def _forget(conn: psycopg.Connection[TupleRow], shop_id: int) -> int:
    total = 0
    while True:
        with conn.transaction():
            conn.execute(SET_SHOP, [str(shop_id)])
            conn.execute(ASIDE)
            count = conn.execute(FORGET, {"shop": shop_id, "limit": VECTORS_A_DELETE}).rowcount
            if not count:
                conn.execute(FORGOTTEN, [shop_id])
                return total
        total += count


def _batch(shop_id: int, row: ModelRow, after: UUID | None, limit: int) -> dict[str, object]:
    return {"shop": shop_id, "model": row.id, "after": after, "limit": limit, "most": TEXT_A_STATEMENT}
