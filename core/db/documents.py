"""Documents: what passages were imported from, each with the hash by which an import knows that it is there already.

Writers take a connection of `Database.shop`. A document is swapped whole within one transaction: at no time are both
its old and its new passages visible, or neither.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from pgvector import HalfVector
from psycopg.rows import TupleRow, args_row

from core.db.connection import Connection
from core.db.passages import Passage, insert_passages
from core.db.pool import SET_SHOP, Database

# Each deletes some thirty rows besides a document's own; a statement has a time limit.
DOCUMENTS_A_STATEMENT = 100
ROWS_A_FETCH = 500
KNOWN = """
select file, key, hash from document
where shop_id = %(shop_id)s and (file, key) in (select * from unnest(%(files)s::text[], %(keys)s::text[]))
"""
PASSAGES = """
select id, content, category, source, metadata, created_at, updated_at from passage
where shop_id = %s and id = any(%s) and document_id is null
"""
DELETE = """
delete from document
where shop_id = %(shop_id)s and (file, key) in (select * from unnest(%(files)s::text[], %(keys)s::text[]))
"""
INSERT = """
insert into document (shop_id, id, file, key, hash)
select %(shop_id)s, * from unnest(%(ids)s::uuid[], %(files)s::text[], %(keys)s::text[], %(hashes)s::bytea[])
"""
DELETE_PASSAGES = "delete from passage where shop_id = %s and id = any(%s)"
# The files themselves, and what lies below folders of these names.
OF_FILES = """(
    %(files)s::text[] is null or file = any(%(files)s)
    or exists (select from unnest(%(files)s::text[]) as folder where starts_with(file, rtrim(folder, '/') || '/'))
)"""
COUNT = f"""
select count(*)::int from document where shop_id = %(shop_id)s and {OF_FILES} and not exists (
    select from unnest(%(spared)s::text[]) as one where file = one or starts_with(file, rtrim(one, '/') || '/')
)
"""  # noqa: S608 - as above
FILES = f"""
select file, count(distinct document.id)::int, count(passage.id)::int, max(document.created_at)
from document left join passage on passage.shop_id = document.shop_id and passage.document_id = document.id
where document.shop_id = %(shop_id)s and {OF_FILES}
group by file order by file
"""  # noqa: S608 - constants of this module
KEYS = f"select file, key from document where shop_id = %(shop_id)s and {OF_FILES}"  # noqa: S608 - as above
FORGET = f"""
delete from document where shop_id = %(shop_id)s and id in (
    select id from document where shop_id = %(shop_id)s and {OF_FILES} limit %(limit)s
)
"""  # noqa: S608 - as above
FORGET_LOOSE = """
delete from passage where shop_id = %(shop_id)s and id in (
    select id from passage where shop_id = %(shop_id)s and document_id is null limit %(limit)s
)
"""
EXPORT = f"""
select passage.id, content, category, source, metadata, passage.created_at, passage.updated_at, file, key, hash
from passage left join document on document.shop_id = passage.shop_id and document.id = passage.document_id
where passage.shop_id = %(shop_id)s and {OF_FILES}
order by file nulls first, key, passage.id
"""  # noqa: S608 - as above
LOOSE = "select count(*)::int from passage where shop_id = %s and document_id is null"


class Stored(msgspec.Struct, frozen=True):
    """A document as it is to stand: its passages in order, each with its vectors. `file` None: passages alone."""

    id: UUID
    file: str | None
    key: str
    hash: bytes | None
    passages: Sequence[tuple[Passage, Sequence[HalfVector]]]


class FileRow(msgspec.Struct, frozen=True):
    """How much a shop knows from one file."""

    file: str
    documents: int
    passages: int
    imported_at: datetime


class ExportRow(msgspec.Struct, frozen=True):
    """A passage with the document that it belongs to, if any."""

    id: UUID
    content: str
    category: str | None
    source: str | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    file: str | None
    key: str | None
    hash: bytes | None


async def known_hashes(
    database: Database, shop_id: int, names: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], bytes | None]:
    """The hashes of those of these documents (file, key) that the shop has. Raises DatabaseUnavailable."""
    given = {"shop_id": shop_id, "files": [file for file, _ in names], "keys": [key for _, key in names]}
    return {(file, key): found for file, key, found in await database.read(shop_id, KNOWN, given)}


async def count_below(database: Database, shop_id: int, files: Sequence[str], spared: Sequence[str]) -> int:
    """How many documents are of these files and folders, without those `spared`. Raises DatabaseUnavailable."""
    [(count,)] = await database.read(shop_id, COUNT, {**_given(shop_id, files), "spared": list(spared)})
    return int(count)


async def loose_passages(database: Database, shop_id: int, ids: Sequence[UUID]) -> dict[UUID, Passage]:
    """Those of these passages that the shop has and that belong to no document. Raises DatabaseUnavailable."""
    found = await database.read(shop_id, PASSAGES, [shop_id, list(ids)], row_factory=args_row(Passage))
    return {passage.id: passage for passage in found}


async def swap_documents(conn: Connection, shop_id: int, model_digest: str, documents: Sequence[Stored]) -> None:
    """Put these documents in the place of those of the same names, and their passages in that of those of their ids."""
    named = [document for document in documents if document.file is not None]
    names = {
        "shop_id": shop_id,
        "files": [document.file for document in named],
        "keys": [document.key for document in named],
    }
    items = [item for document in documents for item in document.passages]
    if named:
        await conn.execute(DELETE, names)
    await conn.execute(DELETE_PASSAGES, [shop_id, [passage.id for passage, _ in items]])
    if named:
        ids, hashes = [document.id for document in named], [document.hash for document in named]
        await conn.execute(INSERT, {**names, "ids": ids, "hashes": hashes})
    of_passages = [
        document.id if document.file is not None else None for document in documents for _ in document.passages
    ]
    await insert_passages(conn, shop_id, model_digest, items, of_passages)


async def drop_documents(database: Database, shop_id: int, names: Sequence[tuple[str, str]]) -> None:
    """Forget these documents (file, key) and their passages. Raises DatabaseUnavailable."""
    for start in range(0, len(names), DOCUMENTS_A_STATEMENT):
        some = names[start : start + DOCUMENTS_A_STATEMENT]
        given = {"shop_id": shop_id, "files": [file for file, _ in some], "keys": [key for _, key in some]}
        async with database.shop(shop_id, bulk=True) as conn:
            await conn.execute(DELETE, given)


async def names_below(database: Database, shop_id: int, files: Sequence[str]) -> list[tuple[str, str]]:
    """The documents (file, key) of these files and folders. Raises DatabaseUnavailable."""
    return [(file, key) for file, key in await database.read(shop_id, KEYS, _given(shop_id, files))]


def files_of(conn: psycopg.Connection[TupleRow], shop_id: int, files: Sequence[str] = ()) -> list[FileRow]:
    """What the shop knows, by file; without `files` of all."""
    with conn.transaction(), conn.cursor(row_factory=args_row(FileRow)) as cursor:
        conn.execute(SET_SHOP, [str(shop_id)])
        return cursor.execute(FILES, _given(shop_id, files)).fetchall()


def count_loose(conn: psycopg.Connection[TupleRow], shop_id: int) -> int:
    """How many passages of the shop belong to no document."""
    with conn.transaction():
        conn.execute(SET_SHOP, [str(shop_id)])
        row = conn.execute(LOOSE, [shop_id]).fetchone()
    assert row is not None
    return int(row[0])


def forget_documents(conn: psycopg.Connection[TupleRow], shop_id: int, files: Sequence[str] = ()) -> int:
    """Forget the documents of these files and folders, all without `files`, some at a time; returns how many."""
    return _repeat(conn, shop_id, FORGET, _given(shop_id, files))


def forget_loose(conn: psycopg.Connection[TupleRow], shop_id: int) -> int:
    """Forget the passages that belong to no document; returns how many."""
    return _repeat(conn, shop_id, FORGET_LOOSE, {"shop_id": shop_id})


def export_rows(conn: psycopg.Connection[TupleRow], shop_id: int, files: Sequence[str] = ()) -> Iterator[ExportRow]:
    """The shop's passages as they stand at one moment, those of a document together and in order."""
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        conn.execute(SET_SHOP, [str(shop_id)])
        with conn.cursor("export", row_factory=args_row(ExportRow)) as cursor:
            cursor.itersize = ROWS_A_FETCH
            yield from cursor.execute(EXPORT, _given(shop_id, files))


def _repeat(conn: psycopg.Connection[TupleRow], shop_id: int, statement: str, given: dict[str, Any]) -> int:
    gone = 0
    while True:
        with conn.transaction():
            conn.execute(SET_SHOP, [str(shop_id)])
            count = conn.execute(statement.encode(), {**given, "limit": DOCUMENTS_A_STATEMENT}).rowcount
        gone += count
        if count < DOCUMENTS_A_STATEMENT:
            return gone


def _given(shop_id: int, files: Sequence[str]) -> dict[str, Any]:
    return {"shop_id": shop_id, "files": list(files) or None}
