"""JSONL: a document a line, and the exported documents of `edge knowledge export`."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ops.reading.files import open_regular
from ops.reading.refusals import UnreadableError
from ops.reading.rows import ExportedRow, Name, exported, found, is_as_exported, name_of, parse_row, restored
from ops.reading.wire import MESSAGE_BYTES, Found, Refused, Task

LINE_BYTES = 16 << 20
MARK = b"\xef\xbb\xbf"


class _Torn(NamedTuple):
    """A line that cannot be read, and of which document it is a row; None when it may be one of any."""

    line: int
    name: Name | None

    def may_be_of(self, name: Name | None) -> bool:
        return self.name is None or self.name == name


class _Run:
    """The rows of one exported document, which stand together."""

    def __init__(self) -> None:
        self._rows: list[ExportedRow] = []
        self._torn: _Torn | None = None
        self._line = self._size_bytes = 0

    @property
    def name(self) -> Name | None:
        """Of the document; None before the first row, and for a passage that belongs to none."""
        return self._rows[0].name if self._rows else None

    def goes_on_with(self, row: ExportedRow) -> bool:
        return not self._rows or (self.name is not None and self.name == row.name)

    def add(self, row: ExportedRow, line: int, size_bytes: int) -> None:
        self._size_bytes += size_bytes
        self._line = line
        if not self._rows or self._size_bytes <= MESSAGE_BYTES:
            self._rows.append(row)

    def tear(self, torn: _Torn | None) -> None:
        """Note a line before, between or after the rows that may be another one."""
        if torn is not None and self._rows and torn.may_be_of(self.name):
            self._torn = torn

    def messages(self, read_bytes: int) -> Iterator[Found | Refused]:
        """The document, unless a row of it is missing: written without it, the row would be forgotten."""
        if not self._rows:
            return
        where = f"line {self._line}"
        if self._size_bytes > MESSAGE_BYTES:
            yield Refused(f"a document of more than {MESSAGE_BYTES >> 20} MiB", where, read_bytes)
        elif self._torn is not None and self.name is not None and not is_as_exported(self._rows):
            lost = f"line {self._torn.line} cannot be read and may be a row of it"
            yield Refused(f"{' '.join(self.name).strip()} stays as it is: {lost}", where, read_bytes)
        else:
            yield Found(restored(self._rows), where, read_bytes=read_bytes)


def read(task: Task) -> Iterator[Found | Refused]:
    """The documents of the file; a line that cannot be one does not stop the others."""
    run, torn = _Run(), None
    with open_regular(task.path) as file:
        for number, line in enumerate(_lines(file), 1):
            if line is not None and not line.strip():
                continue
            row = None
            try:
                row = parse_row(line)
                if (of_export := exported(row)) is None:
                    yield found(row, task, f"line {number}", file.tell())
                    continue
            except UnreadableError as error:
                yield Refused(str(error), f"line {number}", file.tell())
                torn = _Torn(number, None if row is None else name_of(row))
                run.tear(torn)
                continue
            if not run.goes_on_with(of_export):
                yield from run.messages(file.tell())
                run = _Run()
            run.add(of_export, number, len(line or b""))
            run.tear(torn)
            torn = None
        yield from run.messages(file.tell())


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Every line, by its number; None for one that is too long."""
    while line := file.readline(LINE_BYTES + 1):
        if len(line) > LINE_BYTES:
            while not line.endswith(b"\n") and (line := file.readline(LINE_BYTES)):
                pass
            yield None
        else:
            yield line.removeprefix(MARK)
