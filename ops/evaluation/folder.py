"""A judged collection as it lies in a folder: corpus, queries and which documents answer them.

The names of fields vary with the source: BEIR's (Thakur et al. 2021, github.com/beir-cellar/beir) are understood too,
and its `qrels/test.tsv`.
"""

import csv
import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from core.db.names import NAME_CHARS
from core.knowledge.document import titled
from ops.importing.shops import NAME_SUFFIX

DOCUMENT_ID = ("_id", "id", "doc_id", "docid")
TEXT = ("text", "contents", "content", "passage")
QUERY_ID = ("_id", "id", "query_id", "qid")
QUERY_TEXT = ("text", "query", "question")
JUDGED_QUERY = ("query_id", "query-id", "qid", "query")
JUDGED_DOCUMENT = ("doc_id", "corpus-id", "corpus_id", "docid", "document_id", "passage_id")
GRADE = ("score", "relevance", "label", "rel")
MOST_BROKEN = 0.5  # of a file's lines: past that it is another format, not a good file with faults
MOST_BYTES = 8 << 20  # that a passage may have (core/db/migrations/0002)
SHOWN = 3


class FolderError(Exception):
    """The folder is no judged collection; the message says what is missing or broken where."""


class Document(msgspec.Struct, frozen=True):
    """One document; `tenant` is None without a tenant field, `called` where the row does not say its name."""

    id: str
    title: str
    text: str
    tenant: str | None = None
    called: str | None = None

    @property
    def content(self) -> str:
        """What is learned of it."""
        return titled(self.title, self.text)


class Query(msgspec.Struct, frozen=True):
    """One question; `relevant` holds the grade of each document that answers it, empty for one to abstain from."""

    id: str
    text: str
    tenant: str | None = None
    relevant: dict[str, int] = {}


class Collection(msgspec.Struct, frozen=True):
    """What was read; `warnings` says in sentences what was left out and why."""

    documents: list[Document]
    queries: list[Query]
    warnings: list[str]

    @property
    def judged(self) -> list[Query]:
        """The queries that some document answers."""
        return [query for query in self.queries if query.relevant]


class _Notes:
    """Warnings of one kind become one sentence with a few examples."""

    def __init__(self) -> None:
        self._kinds: dict[str, list[str]] = {}

    def add(self, kind: str, example: str) -> None:
        self._kinds.setdefault(kind, []).append(example)

    def sentences(self) -> list[str]:
        return [
            f"{kind}: {', '.join(examples[:SHOWN])}"
            + (f" and {len(examples) - SHOWN} more" if len(examples) > SHOWN else "")
            for kind, examples in self._kinds.items()
        ]


def read_folder(folder: Path, tenant_field: str | None = None) -> Collection:
    """Read a collection; what is broken is left out with a warning. Raises FolderError when too much of it is."""
    notes = _Notes()
    documents = _documents(folder, tenant_field, notes)
    judgements, of_one_split = _judgements(folder, notes)
    queries = _queries(folder, tenant_field, notes)
    if of_one_split:
        # BEIR keeps the queries of all splits in one file: the others are not unanswerable, only not of this split.
        queries = {name: query for name, query in queries.items() if name in judgements}
    for query_id in judgements.keys() - queries.keys():
        notes.add("qrels of unknown queries were left out", query_id)
    kept = [
        judged
        for query in queries.values()
        if (judged := _judged(query, judgements.get(query[0].id), documents, notes)) is not None
    ]
    if not kept:
        raise FolderError(f"{folder} has no query that can be asked")
    return Collection(list(documents.values()), kept, notes.sentences())


def _judged(
    query: tuple[Query, bool], grades: Mapping[str, int] | None, documents: Mapping[str, Document], notes: _Notes
) -> Query | None:
    asked, answerable = query
    if not answerable or not grades:
        return _drawn(asked, documents, notes)
    known = {document: grade for document, grade in grades.items() if document in documents}
    for document in sorted(grades.keys() - known.keys()):
        notes.add("qrels of unknown documents were left out", f"{document} (query {asked.id})")
    if not known:
        notes.add("queries whose every qrel was left out are not asked", asked.id)
        return None
    relevant = {name: grade for name, grade in known.items() if grade > 0}
    if not relevant:
        notes.add("queries that no document answers (every score is 0) count as those to abstain from", asked.id)
        return _drawn(asked, documents, notes)
    return _addressed(msgspec.structs.replace(asked, relevant=relevant), documents, notes)


def _drawn(query: Query, documents: Mapping[str, Document], notes: _Notes) -> Query:
    if query.tenant is None and next(iter(documents.values())).tenant is not None:
        notes.add("queries to abstain from without a tenant are each asked of one drawn by their id", query.id)
    return query


def _addressed(query: Query, documents: Mapping[str, Document], notes: _Notes) -> Query:
    """The query with a tenant: without one of its own, that of the documents that answer it."""
    tenants = [documents[name].tenant for name in query.relevant]
    if query.tenant is None:
        return msgspec.structs.replace(query, tenant=tenants[0])
    if query.tenant not in tenants:
        notes.add("queries of one tenant that only documents of another answer are asked in vain", query.id)
    return query


def _documents(folder: Path, tenant_field: str | None, notes: _Notes) -> dict[str, Document]:
    found: dict[str, Document] = {}

    def take(row: Mapping[str, Any], place: str) -> None:
        title, text = _text(row, ("title",)), _text(row, TEXT)
        called = _called(row, tenant_field)
        if called is not None and len(called) > NAME_CHARS:
            notes.add(f"names of tenants with more than {NAME_CHARS} characters were left out", place)
            called = None
        document = Document(_name(row, DOCUMENT_ID), title, text, _tenant(row, tenant_field), called)
        if len(document.content.encode()) > MOST_BYTES:
            notes.add(f"documents longer than {MOST_BYTES} bytes were cut", document.id)
            document = msgspec.structs.replace(document, title="", text=_cut(document.content))
        if not document.content.strip():
            notes.add("documents without text were left out", place)
        elif tenant_field is not None and document.tenant is None:
            notes.add(f"documents without {tenant_field!r} were left out", document.id)
        elif document.id in found:
            notes.add("documents whose id came before were left out", f"{document.id} ({place})")
        else:
            found[document.id] = document

    _each(folder / "corpus.jsonl", take, notes)
    if not found:
        raise FolderError(
            f"{folder / 'corpus.jsonl'} has no document" + (f" with {tenant_field!r}" if tenant_field else "")
        )
    return found


def _queries(folder: Path, tenant_field: str | None, notes: _Notes) -> dict[str, tuple[Query, bool]]:
    """The queries by id, each with whether it may have an answer."""
    found: dict[str, tuple[Query, bool]] = {}

    def take(row: Mapping[str, Any], place: str) -> None:
        query = Query(_name(row, QUERY_ID), _text(row, QUERY_TEXT), _tenant(row, tenant_field))
        if not query.text.strip():
            notes.add("queries without text were left out", place)
        elif query.id in found:
            notes.add("queries whose id came before were left out", f"{query.id} ({place})")
        else:
            found[query.id] = (query, row.get("answerable") is not False)

    _each(folder / "queries.jsonl", take, notes)
    return found


def _judgements(folder: Path, notes: _Notes) -> tuple[dict[str, dict[str, int]], bool]:
    """The grades of documents by query, and whether they are those of one split of several."""
    found: dict[str, dict[str, int]] = {}

    def take(row: Mapping[str, Any], _place: str) -> None:
        query, document = _name(row, JUDGED_QUERY), _name(row, JUDGED_DOCUMENT)
        grade = next((row[name] for name in GRADE if name in row), 1)
        grades = found.setdefault(query, {})
        grades[document] = max(math.ceil(float(grade)), grades.get(document, 0))

    splits = [folder / "qrels" / f"{name}.tsv" for name in ("test", "dev", "train")]
    for path in (folder / "qrels.jsonl", folder / "qrels.tsv", *splits):
        if path.is_file():
            _each(path, take, notes)
            return found, path in splits
    raise FolderError(f"{folder} has no qrels.jsonl (one {{query_id, doc_id, score}} a line)")


def _each(path: Path, take: Callable[[Mapping[str, Any], str], None], notes: _Notes) -> None:
    """Hand on every row of a file with its place; broken ones are noted. Raises FolderError."""
    broken = count = 0
    try:
        for place, row in _rows(path):
            count += 1
            try:
                take(_checked(row), place)
            except (ValueError, TypeError, OverflowError, RecursionError) as error:
                broken += 1
                notes.add("broken lines were left out", f"{place} ({error})")
    except FileNotFoundError as error:
        raise FolderError(
            f"{path} does not exist: a folder of corpus.jsonl, queries.jsonl and qrels.jsonl is needed"
        ) from error
    except (OSError, csv.Error) as error:
        raise FolderError(f"{path} cannot be read: {error}") from error
    if broken > max(1, count) * MOST_BROKEN:
        raise FolderError(f"{path}: {broken} of {count} lines are broken; {notes.sentences()[-1]}")


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    with path.open("rb") as file:
        if path.suffix == ".tsv":
            yield from _table(path, (line.decode("utf-8", "replace") for line in file))
            return
        for number, line in enumerate(file, 1):
            if bare := line.removeprefix(b"\xef\xbb\xbf").strip():
                yield f"{path.name}:{number}", bare


def _table(path: Path, lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    # Without a header it is TREC's: query, iteration, document, grade.
    for number, cells in enumerate(csv.reader(lines, delimiter="\t"), 1):
        if not cells or (number == 1 and not cells[-1].strip().lstrip("-").isdigit()):
            continue
        yield f"{path.name}:{number}", dict(zip(("query_id", "doc_id", "score"), (cells[0], *cells[-2:]), strict=False))


def _checked(row: Any) -> Mapping[str, Any]:
    decoded = msgspec.json.decode(row) if isinstance(row, bytes) else row
    if not isinstance(decoded, dict):
        raise TypeError("not an object")
    return decoded


def _name(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        if isinstance(value := row.get(name), str | int) and str(value).strip():
            return _clean(str(value))
    raise ValueError(f"no {names[0]}")


def _text(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    value = next((row[name] for name in names if row.get(name) is not None), "")
    if not isinstance(value, str | int | float):
        raise TypeError(f"{names[0]} is no text")
    return _clean(str(value))


def _clean(text: str) -> str:
    # What PostgreSQL takes for no text: NUL and lone surrogates.
    return unicodedata.normalize("NFC", text.replace("\0", " ").encode("utf-8", "replace").decode())


def _cut(text: str) -> str:
    return text.encode()[:MOST_BYTES].decode(errors="ignore")


def _tenant(row: Mapping[str, Any], field: str | None) -> str | None:
    """The tenant as text, so that 7 and "7" are one; of a list that names one, that one."""
    value = None if field is None else row.get(field)
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    return None if value is None or value in ("", []) else _clean(str(value))


def _called(row: Mapping[str, Any], field: str | None) -> str | None:
    """What the tenant is called, as an import takes it: beside a field "tenant", a field "tenant_name"."""
    name = None if field is None else row.get(f"{field}{NAME_SUFFIX}")
    return _clean(name).strip() or None if isinstance(name, str) else None
