"""DOCX -> blocks: headings, paragraphs and tables of the text itself, in order."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

import docx
from docx.opc.exceptions import OpcError
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph
from lxml import etree

from ops.reading.refusals import UnreadableError
from ops.reading.sections import Block

UNPACKED_BYTES = 200 << 20
MOST_PARTS = 5000
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_OLE = b"\xd0\xcf\x11\xe0"  # what a password makes of it, as well as the format of before 2007


def read(content: bytes) -> tuple[str | None, Iterator[Block]]:
    """No title of its own, and the blocks."""
    if content.startswith(_OLE):
        raise UnreadableError("protected by a password, or a .doc of before 2007")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > UNPACKED_BYTES:
            raise UnreadableError(f"unpacks to more than {UNPACKED_BYTES >> 20} MiB or {MOST_PARTS} parts")
        document = docx.Document(io.BytesIO(content))
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OpcError, NotImplementedError) as error:
        raise UnreadableError("not a DOCX file, or a damaged one") from error
    except (etree.XMLSyntaxError, KeyError, ValueError, AttributeError, OSError, EOFError, zlib.error) as error:
        raise UnreadableError("a damaged DOCX file") from error
    return None, _blocks(document.iter_inner_content())


def _blocks(items: Iterator[Paragraph | Table]) -> Iterator[Block]:
    for item in items:
        if isinstance(item, Table):
            for row in item.rows:
                yield Block(" | ".join(_texts(row.cells)))
        else:
            yield Block(item.text, _level(item))


def _texts(cells: tuple[_Cell, ...]) -> list[str]:
    """What each cell says, a merged one once."""
    distinct = {id(cell._tc): cell for cell in cells}.values()  # noqa: SLF001 - its only name of a cell
    return [" ".join(cell.text.split()) for cell in distinct if cell.text.strip()]


def _level(paragraph: Paragraph) -> int:
    name = (paragraph.style.name if paragraph.style else None) or ""
    if name == "Title":
        return 1
    found = _HEADING.fullmatch(name)
    return 1 + int(found[1]) if found else 0
