"""DOCX -> its document, opened within bounds; ops/reading/word.py says what is in it."""

import io
import zipfile
import zlib
from collections.abc import Iterator

import docx
from docx.document import Document
from docx.opc.exceptions import OpcError
from lxml import etree

from ops.reading.refusals import UnreadableError
from ops.reading.sections import Block
from ops.reading.word import blocks_of

UNPACKED_BYTES = 200 << 20
MOST_PARTS = 5000
_OLE = b"\xd0\xcf\x11\xe0"  # what a password makes of it, as well as the format of before 2007
# libxml2's own, by what it says when one is passed.
_LIMITS = {
    "Excessive depth": "nested more than 256 deep",
    "Text node too long": "holds a run of text of more than 10 MB",
    "entity": "holds entities that grow beyond measure",
}


def read(content: bytes) -> tuple[str | None, Iterator[Block]]:
    """No title of its own, and the blocks."""
    if content.startswith(_OLE):
        raise UnreadableError("protected by a password, or a .doc of before 2007")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > UNPACKED_BYTES:
            raise UnreadableError(f"unpacks to more than {UNPACKED_BYTES >> 20} MiB or {MOST_PARTS} parts")
        return None, blocks_of(_opened(content))
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OpcError, NotImplementedError) as error:
        # NotImplementedError is what zipfile raises for a compression or an encryption that it does not know.
        raise UnreadableError("not a DOCX file, or a damaged one") from error
    except (KeyError, ValueError, AttributeError, OSError, EOFError, zlib.error) as error:
        raise UnreadableError("a damaged DOCX file") from error


def _opened(content: bytes) -> Document:
    """The document. Raises UnreadableError, MemoryError, and what broken packages make of python-docx."""
    try:
        document = docx.Document(io.BytesIO(content))
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from error
        if error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
            said = str(error)
            reason = next((reason for words, reason in _LIMITS.items() if words in said), f"beyond a limit: {said}")
            raise UnreadableError(reason) from error
        raise UnreadableError("a damaged DOCX file") from error
    if document.element.body is None:
        raise UnreadableError("a damaged DOCX file")
    if document.element.getroottree().docinfo.internalDTD is not None:
        raise UnreadableError("declares entities, which no DOCX file may")  # they are not resolved: text would be lost
    return document
