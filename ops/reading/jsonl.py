"""JSONL: a document a line, and the exported documents of `edge knowledge export`."""

from collections.abc import Iterator
from typing import BinaryIO

from ops.reading.files import open_regular
from ops.reading.refusals import UnreadableError
from ops.reading.rows import ExportedRow, exported, found, parse_row, restored
from ops.reading.wire import Found, Refused, Task

LINE_BYTES = 16 << 20
MARK = b"\xef\xbb\xbf"


def read(task: Task) -> Iterator[Found | Refused]:
    """The documents of the file; a line that cannot be one does not stop the others."""
    held: list[ExportedRow] = []
    with open_regular(task.path) as file:
        for number, line in enumerate(_lines(file), 1):
            if line is not None and not line.strip():
                continue
            try:
                row = parse_row(line)
                if (of_export := exported(row)) is None:
                    yield found(row, task, f"line {number}", file.tell())
                    continue
                if held and not _together(held[-1], of_export):
                    yield Found(restored(held), f"line {number - 1}", read_bytes=file.tell())
                    held = []
                held.append(of_export)
            except UnreadableError as error:
                yield Refused(str(error), f"line {number}", file.tell())
        if held:
            yield Found(restored(held), "the last lines", read_bytes=file.tell())


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Every line that is not blank, by its number; None for one that is too long."""
    while line := file.readline(LINE_BYTES + 1):
        if len(line) > LINE_BYTES:
            while not line.endswith(b"\n") and (line := file.readline(LINE_BYTES)):
                pass
            yield None
        else:
            yield line.removeprefix(MARK)


def _together(one: ExportedRow, other: ExportedRow) -> bool:
    a, b = one.document, other.document
    return a is not None and b is not None and (a.file, a.key) == (b.file, b.key)
