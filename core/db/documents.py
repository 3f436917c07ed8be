"""Documents: what passages were imported from, each with the hash by which an import knows that it is there already.

Writers take a connection of `Database.shop`. A document is swapped whole within one transaction: at no time are both
its old and its new passages visible, or neither.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from pgvector import HalfVector
from psycopg.rows import TupleRow, args_row

from core.db.connection import Connection
from core.db.passages import Passage, insert_passages
from core.db.pool import SET_SHOP, Database
from core.errors import DatabaseUnavailable

# A statement has a time limit, and a passage of some hundred words takes as many rows with it: about a millisecond.
PASSAGES_A_STATEMENT = 500
DOCUMENTS_A_LOOK = 100
KNOWN = """
select file, key, hash from document
where shop_id = %(shop_id)s and (file, key) in (select * from unnest(%(files)s::text[], %(keys)s::text[]))
"""
PASSAGES = """
select id, content, category, source, metadata, created_at, updated_at from passage
where shop_id = %s and id = any(%s) and document_id is null
"""
OF_NAMES = "(file, key) in (select * from unnest(%(files)s::text[], %(keys)s::text[]))"
OF_DOCUMENTS = f"""
select file, key, passage.id, content, category, source, metadata, passage.created_at, passage.updated_at
from document join passage on passage.shop_id = document.shop_id and passage.document_id = document.id
where document.shop_id = %(shop_id)s and {OF_NAMES}
"""  # noqa: S608 - constants of this module
DELETE = f"delete from document where shop_id = %(shop_id)s and {OF_NAMES}"  # noqa: S608 - as above
DELETE_SOME_OF_NAMES = f"""
delete from passage where shop_id = %(shop_id)s and id in (
    select passage.id from passage
    join document on document.shop_id = passage.shop_id and document.id = passage.document_id
    where passage.shop_id = %(shop_id)s and {OF_NAMES} limit %(limit)s
)
"""  # noqa: S608 - as above
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
KEYS = f"""
select file, key from document
where shop_id = %(shop_id)s and (file, key) > (%(after_file)s, %(after_key)s) and {OF_FILES}
order by file, key limit %(limit)s
"""  # noqa: S608 - as above
SIZES = """
select id, (select count(*)::int from passage where passage.shop_id = looked.shop_id and document_id = looked.id)
from (select shop_id, id from document where shop_id = %(shop_id)s and {which} limit %(limit)s) as looked
"""
FORGET_SOME = """
delete from passage where shop_id = %(shop_id)s and id in (
    select id from passage where shop_id = %(shop_id)s and document_id = any(%(ids)s) limit %(limit)s
)
"""
FORGET = "delete from document where shop_id = %(shop_id)s and id = any(%(ids)s)"
FORGET_LOOSE = """
delete from passage where shop_id = %(shop_id)s and id in (
    select id from passage where shop_id = %(shop_id)s and document_id is null limit %(limit)s
)
"""
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


async def known_hashes(
    database: Database, shop_id: int, names: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], bytes | None]:
    """The hashes of those of these documents (file, key) that the shop has. Raises DatabaseUnavailable."""
    found = await database.read(shop_id, KNOWN, _named(shop_id, names))
    return {(file, key): of_passages for file, key, of_passages in found}


async def passages_of(
    database: Database, shop_id: int, names: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], dict[UUID, Passage]]:
    """The passages of each of these documents (file, key) as they stand, by id. Raises DatabaseUnavailable."""
    found: dict[tuple[str, str], dict[UUID, Passage]] = {}
    for file, key, *columns in await database.read(shop_id, OF_DOCUMENTS, _named(shop_id, names)):
        passage = Passage(*columns)
        found.setdefault((file, key), {})[passage.id] = passage
    return found


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
        await _all(conn, DELETE_SOME_OF_NAMES, names, PASSAGES_A_STATEMENT)
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
    await _forget(database, shop_id, OF_NAMES, _named(shop_id, names))


async def forget_documents(database: Database, shop_id: int, files: Sequence[str] = ()) -> int:
    """Forget the documents of these files and folders, all without `files`; returns how many.

    Each goes whole, some at a time. Raises DatabaseUnavailable; what went until then is gone.
    """
    return await _forget(database, shop_id, OF_FILES, _given(shop_id, files))


async def forget_loose(database: Database, shop_id: int) -> int:
    """Forget the passages that belong to no document; returns how many. Raises DatabaseUnavailable."""
    size, gone = _Size(), 0
    while count := await size.tried(partial(_forget_loose, database, shop_id)):
        gone += count
    return gone


async def names_below(
    database: Database, shop_id: int, files: Sequence[str], after: tuple[str, str], limit: int
) -> list[tuple[str, str]]:
    """The documents (file, key) of these files and folders, `limit` of those after one. Raises DatabaseUnavailable."""
    given = {**_given(shop_id, files), "after_file": after[0], "after_key": after[1], "limit": limit}
    return [(file, key) for file, key in await database.read(shop_id, KEYS, given)]


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


class _Size:
    """How many passages a statement may take: fewer after one that ran out of time."""

    def __init__(self) -> None:
        self.passages = PASSAGES_A_STATEMENT

    async def tried(self, work: Callable[[int], Awaitable[int]]) -> int:
        """What `work` returns, with as many as there is the time for. Raises DatabaseUnavailable."""
        while True:
            try:
                return await work(self.passages)
            except DatabaseUnavailable as error:
                if self.passages == 1 or not isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                    raise
                self.passages //= 2


async def _forget(database: Database, shop_id: int, which: str, given: dict[str, Any]) -> int:
    size, gone = _Size(), 0
    statement = SIZES.format(which=which).encode()
    while some := await database.read(shop_id, statement, {**given, "limit": DOCUMENTS_A_LOOK}):
        for ids in groups(some):
            gone += await size.tried(partial(_forget_group, database, shop_id, ids))
    return gone


def groups(sizes: Iterable[tuple[UUID, int]]) -> Iterator[list[UUID]]:
    """Documents, each with the number of its passages, in runs of PASSAGES_A_STATEMENT at most; a larger one alone."""
    group: list[UUID] = []
    held = 0
    for document, passages in sizes:
        if group and held + passages > PASSAGES_A_STATEMENT:
            yield group
            group, held = [], 0
        group.append(document)
        held += passages
    if group:
        yield group


async def _forget_group(database: Database, shop_id: int, ids: list[UUID], limit: int) -> int:
    async with database.shop(shop_id) as conn:
        given = {"shop_id": shop_id, "ids": ids}
        await _all(conn, FORGET_SOME, given, limit)
        return (await conn.execute(FORGET, given)).rowcount


async def _forget_loose(database: Database, shop_id: int, limit: int) -> int:
    async with database.shop(shop_id) as conn:
        return (await conn.execute(FORGET_LOOSE, {"shop_id": shop_id, "limit": limit})).rowcount


async def _all(conn: Connection, statement: str, given: dict[str, Any], limit: int) -> None:
    """Repeat a statement that deletes at most `limit` rows, until it has deleted the last."""
    while (await conn.execute(statement.encode(), {**given, "limit": limit})).rowcount == limit:
        pass


def _named(shop_id: int, names: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {"shop_id": shop_id, "files": [file for file, _ in names], "keys": [key for _, key in names]}


def _given(shop_id: int, files: Sequence[str]) -> dict[str, Any]:
    return {"shop_id": shop_id, "files": list(files) or None}
