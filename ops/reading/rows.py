"""Rows -> documents: a row of a JSONL or CSV file is a document with one passage."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from core.errors import InvalidRequest
from core.http.fields import present
from core.http.json_text import parse, to_struct
from core.knowledge.document import NewDocument, NewPassage, hash_of_passages, titled
from ops.reading.refusals import UnreadableError
from ops.reading.wire import Found, Task

CONTENT_CHARS = 1_000_000
KEY_BYTES = 500
OF_EXPORT = "_document"
Scalar = str | int
Name = tuple[str, str]
NOBODYS: Name = ("", "")
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class _Row(msgspec.Struct, frozen=True):
    text: str | None = None
    title: str | None = None
    category: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    source: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    metadata: dict[str, Any] | None = None
    id: Scalar | None = msgspec.field(name="_id", default=None)


class OfDocument(msgspec.Struct, frozen=True):
    """To which document an exported passage belongs; `digest` is of all its passages as they were exported."""

    file: Annotated[str, msgspec.Meta(min_length=1)]
    key: str
    hash: Digest | None
    digest: str


class ExportedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A passage as it is exported: all that there is to know of it."""

    id: UUID = msgspec.field(name="_id")
    text: str
    category: str | None = None
    source: str | None = None
    metadata: dict[str, Any] = {}
    created_at: Time = msgspec.field(name="createdAt")
    updated_at: Time = msgspec.field(name="updatedAt")
    document: OfDocument | None = msgspec.field(name=OF_EXPORT)

    @property
    def name(self) -> Name | None:
        """Of the document that it belongs to."""
        return None if self.document is None else (self.document.file, self.document.key)

    def passage(self) -> NewPassage:
        """The passage with its id and times."""
        return NewPassage(
            self.text, self.category, self.source, self.metadata, self.id, self.created_at, self.updated_at
        )


_FIELDS = frozenset(field.encode_name for field in msgspec.structs.fields(_Row))


def parse_row(line: bytes | None) -> dict[str, Any]:
    """The object of a line; raises UnreadableError, for None because it was too long."""
    if line is None:
        raise UnreadableError("longer than a line may be")
    return parse_object(line, "the row")


def parse_object(text: bytes, called: str) -> dict[str, Any]:
    """The object that this JSON is; raises UnreadableError, which says what it is called."""
    try:
        value = parse(text)
    except InvalidRequest as error:
        raise UnreadableError(error.detail.replace("the body", called)) from error
    if not isinstance(value, dict):
        raise UnreadableError("not a JSON object")
    return value


def exported(row: Mapping[str, Any]) -> ExportedRow | None:
    """The row as an exported one; None when it is not. Raises UnreadableError when it is a broken one."""
    return _converted(row, ExportedRow) if OF_EXPORT in row else None


def found(row: Mapping[str, Any], task: Task, place: str, read_bytes: int) -> Found:
    """The document of a row. `place` stands for it where it has no `_id`."""
    known = _converted({name: value for name, value in row.items() if name in _FIELDS}, _Row)
    content = titled(present(known.title), (known.text or "").strip())
    if not content:
        raise UnreadableError("has neither text nor title")
    if len(content) > CONTENT_CHARS:
        raise UnreadableError(f"its text has more than {CONTENT_CHARS} characters")
    others = {name: value for name, value in row.items() if name not in _FIELDS and name != task.tenant_field}
    metadata = {**others, **(known.metadata or {})}
    passage = NewPassage(content, present(known.category), present(known.source), metadata)
    key = place if known.id is None or known.id == "" else str(known.id)
    if len(key.encode()) > KEY_BYTES:
        raise UnreadableError(f"its _id has more than {KEY_BYTES} bytes")
    document = NewDocument(task.name, key, hash_of_passages([passage]), (passage,))
    return Found(document, place, _tenant(row, task.tenant_field), read_bytes)


def name_of(row: Mapping[str, Any]) -> Name | None:
    """To which document a row belongs that is no good one; None when it does not say so, NOBODYS for one of none."""
    match row.get(OF_EXPORT):
        case {"file": str(file), "key": str(key)}:
            return file, key
        case dict():
            return None
    return NOBODYS


def is_as_exported(rows: Sequence[ExportedRow]) -> bool:
    """Whether these are all passages of their document, and as they were exported."""
    of = rows[0].document
    return of is not None and hash_of_passages([row.passage() for row in rows]).hex() == of.digest


def restored(rows: Sequence[ExportedRow]) -> NewDocument:
    """The document of which these are all exported passages, or the passage of one that belongs to none.

    When they are not what was exported, the document's hash is nobody's: the next import of its file writes it anew.
    """
    passages = tuple(row.passage() for row in rows)
    of = rows[0].document
    if of is None:
        return NewDocument(None, str(rows[0].id), None, passages)
    known = bytes.fromhex(of.hash) if of.hash is not None and is_as_exported(rows) else None
    return NewDocument(of.file, of.key, known, passages)


def _tenant(row: Mapping[str, Any], field: str | None) -> str | None:
    if field is None:
        return None
    tenant = row.get(field)
    if isinstance(tenant, bool) or not isinstance(tenant, Scalar) or not str(tenant).strip():
        raise UnreadableError(f"has no {field}, which says whose it is")
    if len(str(tenant).encode()) > KEY_BYTES:
        raise UnreadableError(f"its {field} has more than {KEY_BYTES} bytes")
    return str(tenant).strip()


def _converted(value: Any, kind: type[Any]) -> Any:
    try:
        return to_struct(value, kind)
    except InvalidRequest as error:
        raise UnreadableError(error.detail) from error
