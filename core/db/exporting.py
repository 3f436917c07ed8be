"""All passages of a shop, read for an export: page after page, so that none takes long whatever the shop's size."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import TupleRow, args_row

from core.db.documents import DOCUMENTS_A_LOOK, OF_FILES, PASSAGES_A_STATEMENT, groups
from core.db.pool import SET_SHOP

COLUMNS = "passage.id, content, category, source, metadata, passage.created_at, passage.updated_at"
LOOSE = f"""
select {COLUMNS}, null, null, null from passage
where shop_id = %(shop_id)s and document_id is null and (%(after)s::uuid is null or id > %(after)s)
order by id limit %(limit)s
"""  # noqa: S608 - constants of this module
DOCUMENTS = f"""
select id, (select count(*)::int from passage where passage.shop_id = looked.shop_id and document_id = looked.id),
    file, key
from (
    select shop_id, id, file, key from document
    where shop_id = %(shop_id)s and {OF_FILES} and (%(file)s::text is null or (file, key) > (%(file)s, %(key)s))
    order by file, key limit %(limit)s
) as looked
order by file, key
"""  # noqa: S608 - as above
OF_DOCUMENTS = f"""
select {COLUMNS}, file, key, hash
from document join passage on passage.shop_id = document.shop_id and passage.document_id = document.id
where document.shop_id = %(shop_id)s and document.id = any(%(ids)s)
order by file, key, passage.id
"""  # noqa: S608 - as above
Reader = psycopg.Connection[TupleRow]


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


def export_rows(conn: Reader, shop_id: int, files: Sequence[str] = ()) -> Iterator[ExportRow]:
    """The shop's passages as they stand at one moment, those of a document together and in order.

    Read it to its end without a rest: the server ends a transaction that stands idle.
    """
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        conn.execute(SET_SHOP, [str(shop_id)])
        if not files:
            yield from _loose(conn, shop_id)
        yield from _of_documents(conn, shop_id, files)


def _loose(conn: Reader, shop_id: int) -> Iterator[ExportRow]:
    given: dict[str, Any] = {"shop_id": shop_id, "limit": PASSAGES_A_STATEMENT, "after": None}
    while page := _rows(conn, LOOSE, given):
        yield from page
        given["after"] = page[-1].id


def _of_documents(conn: Reader, shop_id: int, files: Sequence[str]) -> Iterator[ExportRow]:
    given = {"shop_id": shop_id, "files": list(files) or None, "limit": DOCUMENTS_A_LOOK, "file": None, "key": None}
    while page := conn.execute(DOCUMENTS.encode(), given).fetchall():
        for ids in groups((document, passages) for document, passages, _, _ in page):
            yield from _rows(conn, OF_DOCUMENTS, {"shop_id": shop_id, "ids": ids})
        *_, given["file"], given["key"] = page[-1]


def _rows(conn: Reader, statement: str, given: dict[str, Any]) -> list[ExportRow]:
    with conn.cursor(row_factory=args_row(ExportRow)) as cursor:
        return cursor.execute(statement.encode(), given).fetchall()
