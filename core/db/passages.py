"""Passages: what a shop knows. Writers take a connection of `Database.shop`, readers the Database itself.

Postings, document frequencies, the count and the knowledge version follow by triggers (migrations/0003).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from pgvector import HalfVector
from psycopg.rows import args_row
from psycopg.types.json import Jsonb

from core.db.connection import Connection
from core.db.pool import Database
from core.db.position import Position

# A statement has a time limit. A MiB of text costs more than a second, nearly all of it for the words' index; half a
# thousand vectors (0.5 MB at 384 dimensions) the same where a shop has an approximate index.
TEXT_A_STATEMENT = 256 * 1024
VECTORS_A_STATEMENT = 500
COLUMNS = "id, content, category, source, metadata, created_at, updated_at"
INSERT = """
insert into passage (shop_id, id, content, category, source, metadata, document_id, created_at, updated_at)
select %(shop_id)s, id, content, category, source, metadata, document_id, coalesce(least(created, now()), now()),
    coalesce(least(updated, now()), least(created, now()), now())
from unnest(
    %(ids)s::uuid[], %(contents)s::text[], %(categories)s::text[], %(sources)s::text[], %(metadata)s::jsonb[],
    %(document_ids)s::uuid[], %(created)s::timestamptz[], %(updated)s::timestamptz[]
) as given (id, content, category, source, metadata, document_id, created, updated)
"""
INSERT_VECTORS = """
insert into passage_vector (shop_id, model_id, passage_id, ordinal, embedding)
select %(shop_id)s, (select id from model where digest = %(digest)s), *
from unnest(%(passage_ids)s::uuid[], %(ordinals)s::smallint[], %(embeddings)b::halfvec[])
"""
EXISTS = "select from passage where shop_id = %s and id = %s"
# A transaction that began before the row's own did must not set the clock back.
REPLACE = """
update passage set content = %(content)s, category = %(category)s, source = %(source)s, metadata = %(metadata)s,
    updated_at = greatest(now(), created_at)
where shop_id = %(shop_id)s and id = %(id)s
"""
DELETE_VECTORS = "delete from passage_vector where shop_id = %s and passage_id = %s"
DELETE = "delete from passage where shop_id = %s and id = %s"
GET = f"select {COLUMNS} from passage where shop_id = %s and id = %s"  # noqa: S608 - constants of this module
PAGE = f"""
select {COLUMNS} from passage
where shop_id = %(shop_id)s and (%(category)s::text is null or category = %(category)s)
    and (%(created_at)s::timestamptz is null or (created_at, id) < (%(created_at)s, %(id)s::uuid))
order by created_at desc, id desc
limit %(limit)s
"""  # noqa: S608 - constants of this module
COUNT = """
select case when %(category)s::text is null
    then coalesce((select passages from shop where id = %(shop_id)s), 0)
    else (select count(*) from passage where shop_id = %(shop_id)s and category = %(category)s)
end
"""


class Passage(msgspec.Struct, frozen=True):
    """One passage; without times it is written with the database's."""

    id: UUID
    content: str
    category: str | None = None
    source: str | None = None
    metadata: dict[str, Any] = {}
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Page(msgspec.Struct, frozen=True):
    """Passages newest first; `total` counts all of the shop (and category), `after` is None on the last page."""

    passages: list[Passage]
    total: int
    after: Position | None


async def insert_passages(
    conn: Connection,
    shop_id: int,
    model_digest: str,
    items: Sequence[tuple[Passage, Sequence[HalfVector]]],
    document_ids: Sequence[UUID | None] = (),
) -> None:
    """Add passages with their vectors (the first is the whole passage, the others its chunks; L2-normalised).

    The shop begins to exist with its first passage. Other writers of the shop wait for the end of the transaction.
    `document_ids` says for each passage to which document it belongs; empty: none does.
    """
    done = 0
    for passages in slices([passage for passage, _ in items]):
        of = list(document_ids[done : done + len(passages)]) or [None] * len(passages)
        done += len(passages)
        await conn.execute(
            INSERT,
            {
                "shop_id": shop_id,
                "ids": [passage.id for passage in passages],
                "contents": [passage.content for passage in passages],
                "categories": [passage.category or None for passage in passages],
                "sources": [passage.source or None for passage in passages],
                "metadata": [Jsonb(passage.metadata) for passage in passages],
                "document_ids": of,
                "created": [passage.created_at for passage in passages],
                "updated": [passage.updated_at for passage in passages],
            },
        )
    await insert_vectors(conn, shop_id, model_digest, [(passage.id, vectors) for passage, vectors in items])


def slices(passages: Sequence[Passage]) -> Iterator[Sequence[Passage]]:
    """The passages in order, in runs of at most TEXT_A_STATEMENT characters; a longer passage is a run of its own."""
    start = size = 0
    for place, passage in enumerate(passages):
        if place > start and size + len(passage.content) > TEXT_A_STATEMENT:
            yield passages[start:place]
            start, size = place, 0
        size += len(passage.content)
    if start < len(passages):
        yield passages[start:]


async def insert_vectors(
    conn: Connection, shop_id: int, model_digest: str, items: Sequence[tuple[UUID, Sequence[HalfVector]]]
) -> None:
    """Add the vectors of one model to passages that have none of it yet."""
    rows = [(passage_id, ordinal, vector) for passage_id, vectors in items for ordinal, vector in enumerate(vectors)]
    for start in range(0, len(rows), VECTORS_A_STATEMENT):
        passage_ids, ordinals, embeddings = zip(*rows[start : start + VECTORS_A_STATEMENT], strict=True)
        await conn.execute(
            INSERT_VECTORS,
            {
                "shop_id": shop_id,
                "digest": model_digest,
                "passage_ids": list(passage_ids),
                "ordinals": list(ordinals),
                "embeddings": list(embeddings),
            },
        )


async def replace_passage(
    conn: Connection, shop_id: int, model_digest: str, passage: Passage, vectors: Sequence[HalfVector]
) -> bool:
    """Give a passage new content and vectors; False when the shop has no passage of this id."""
    if not await _exists(conn, shop_id, passage.id):
        return False
    changed = await conn.execute(
        REPLACE,
        {
            "shop_id": shop_id,
            "id": passage.id,
            "content": passage.content,
            "category": passage.category or None,
            "source": passage.source or None,
            "metadata": Jsonb(passage.metadata),
        },
    )
    if not changed.rowcount:
        return False
    await conn.execute(DELETE_VECTORS, [shop_id, passage.id])
    await insert_vectors(conn, shop_id, model_digest, [(passage.id, vectors)])
    return True


async def delete_passage(conn: Connection, shop_id: int, passage_id: UUID) -> bool:
    """Forget a passage, its vectors and its words; False when the shop has no passage of this id."""
    # Looked for first: even a statement that finds no row raises the version, and would make the shop exist.
    if not await _exists(conn, shop_id, passage_id):
        return False
    return (await conn.execute(DELETE, [shop_id, passage_id])).rowcount > 0


async def _exists(conn: Connection, shop_id: int, passage_id: UUID) -> bool:
    return (await conn.execute(EXISTS, [shop_id, passage_id])).rowcount > 0


async def get_passage(database: Database, shop_id: int, passage_id: UUID) -> Passage | None:
    """One passage of the shop, or None. Raises DatabaseUnavailable."""
    rows = await database.read(shop_id, GET, [shop_id, passage_id], row_factory=args_row(Passage))
    return rows[0] if rows else None


async def list_passages(
    database: Database, shop_id: int, *, limit: int, after: Position | None = None, category: str | None = None
) -> Page:
    """At most `limit` passages, newest first, that come after a position. Raises DatabaseUnavailable."""
    values = {
        "shop_id": shop_id,
        "category": category,
        "limit": limit + 1,
        "created_at": after.created_at if after else None,
        "id": after.id if after else None,
    }
    found = await database.read(shop_id, PAGE, values, row_factory=args_row(Passage))
    [(total,)] = await database.read(shop_id, COUNT, {"shop_id": shop_id, "category": category})
    passages = found[:limit]
    last = passages[-1] if len(found) > limit else None
    following = Position(last.created_at, last.id) if last and last.created_at else None
    return Page(passages, total, following)
