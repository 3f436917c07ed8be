"""Passages -> JSONL that an import takes back as they were."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec
import psycopg
from psycopg.rows import TupleRow

from core.db.exporting import ExportRow, export_rows
from core.knowledge.document import NewPassage, hash_of_passages
from ops.reading.rows import ExportedRow, OfDocument

_encoder = msgspec.json.Encoder()


def exported_lines(conn: psycopg.Connection[TupleRow], shop_id: int, files: Sequence[str] = ()) -> Iterator[bytes]:
    """A line for each passage, those of a document together and in order."""
    for name, rows in groupby(export_rows(conn, shop_id, files), lambda row: (row.file, row.key)):
        if name == (None, None):
            for row in rows:
                yield _line(row, None)
        else:
            passages = list(rows)
            of = _document(passages)
            for row in passages:
                yield _line(row, of)


def _document(rows: list[ExportRow]) -> OfDocument:
    passages = [
        NewPassage(row.content, row.category, row.source, row.metadata, row.id, row.created_at, row.updated_at)
        for row in rows
    ]
    first = rows[0]
    found = first.hash.hex() if first.hash is not None else None
    return OfDocument(first.file or "", first.key or "", found, hash_of_passages(passages).hex())


def _line(row: ExportRow, document: OfDocument | None) -> bytes:
    exported = ExportedRow(
        id=row.id,
        text=row.content,
        category=row.category,
        source=row.source,
        metadata=row.metadata,
        created_at=row.created_at,
        updated_at=row.updated_at,
        document=document,
    )
    return _encoder.encode(exported) + b"\n"
