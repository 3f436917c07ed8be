"""CSV: a document a row, under the names of its first row. Formulas are text like any other: nothing computes them."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from ops.reading.files import DOCUMENT_BYTES, decode, read_all
from ops.reading.refusals import UnreadableError
from ops.reading.rows import CONTENT_CHARS, found, parse_object
from ops.reading.wire import Found, Refused, Task

DELIMITERS = ",;\t|"
# How tables of questions are headed elsewhere.
ALIASES = {"question": "title", "answer": "text", "content": "text", "id": "_id"}
NAMES = frozenset({"_id", "title", "text", "category", "source", "metadata"})
# What spreadsheets write for each other before the names: the delimiter, and nothing of the table.
_SEPARATOR = re.compile(r'\s*"?sep=([,;\t|])"?\r?\n', re.IGNORECASE)


def read(task: Task) -> Iterator[Found | Refused]:
    """The documents of the file; a row that cannot be one does not stop the others."""
    text = decode(read_all(task.path, DOCUMENT_BYTES), task.encoding)
    csv.field_size_limit(CONTENT_CHARS)
    named = _SEPARATOR.match(text)
    before = named[0].count("\n") if named else 0
    table = text[named.end() :] if named else text
    rows = csv.reader(io.StringIO(table, newline=""), delimiter=named[1] if named else _delimiter(text), strict=True)
    columns = _columns(next(filter(_is_filled, rows), []))
    share = len(text.encode()) / max(1, text.count("\n"))
    while True:
        place = f"line {before + rows.line_num + 1}"
        try:
            if (cells := next(rows, None)) is None:
                return
            if _is_filled(cells):
                yield found(_row(columns, cells), task, place, int((before + rows.line_num) * share))
        except UnreadableError as error:
            yield Refused(str(error), place)
        except csv.Error as error:
            yield Refused(f"no CSV from here on: {error}", place)
            return


def _delimiter(text: str) -> str:
    """That which the first line has most of."""
    first = text.lstrip().split("\n", 1)[0]
    return max(DELIMITERS, key=first.count)


def _columns(header: list[str]) -> list[str]:
    names = [cell.strip() for cell in _without_blank_end(header)]
    folded = [name.lower() if name.lower() in NAMES else ALIASES.get(name.lower(), name) for name in names]
    columns = [alias if folded.count(alias) == 1 else name for alias, name in zip(folded, names, strict=True)]
    if "text" not in columns:
        raise UnreadableError(f"has no column text (or answer, or content) among {', '.join(names)[:200]}")
    if len({*filter(None, columns)}) < sum(map(bool, columns)):
        raise UnreadableError("names a column twice")
    return columns


def _row(columns: list[str], cells: list[str]) -> dict[str, Any]:
    cells = _without_blank_end(cells)
    if len(cells) > len(columns):
        raise UnreadableError(f"has {len(cells)} cells, the first line names {len(columns)}")
    row: dict[str, Any] = {name: cell for name, cell in zip(columns, cells, strict=False) if cell.strip() and name}
    if "metadata" in row:
        row["metadata"] = _object(row["metadata"])
    return row


def _object(cell: str) -> dict[str, Any]:
    try:
        return parse_object(cell.encode(), "it")
    except UnreadableError as error:
        raise UnreadableError(f"metadata: {error}") from error


def _is_filled(cells: list[str]) -> bool:
    """Whether anything stands in it: a spreadsheet saves the rows and columns around a table, too."""
    return any(cell.strip() for cell in cells)


def _without_blank_end(cells: list[str]) -> list[str]:
    return cells[: max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)]
