"""PDF -> blocks: the paragraphs of each page, under the bookmarks that lead to it.

A page that shows something and holds no text that can be read, as a scan does, is a block without text.
"""

import re
from collections.abc import Iterator

import pypdfium2
from pypdfium2 import raw

from ops.reading.refusals import UnreadableError
from ops.reading.sections import Block

MOST_PAGES = 3000
MOST_BOOKMARKS = 10_000
MOST_LEVELS = 6
# PDFium marks most hyphens after which a word goes on in the next line, and leaves the line's end out.
_BROKEN_WORD = re.compile("(\\w{1,40})(?:[\ufffe\x02](?:\r?\n)?|-\r?\n)(?=(\\w{1,40}))")
_HYPHENATED = re.compile(r"\w{1,40}-\w{1,40}")
_ENDS = re.compile(r"[.!?:;…。！？]['\"”’)\]]*$")  # noqa: RUF001 - these are meant


def read(content: bytes) -> tuple[str | None, Iterator[Block]]:
    """The document's title and its blocks."""
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        protected = getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD
        raise UnreadableError("protected by a password" if protected else "not a PDF file, or a damaged one") from error
    if (pages := len(document)) > MOST_PAGES:
        raise UnreadableError(f"has {pages} pages, more than {MOST_PAGES}: split it")
    return None, _blocks(document, pages)


def _blocks(document: pypdfium2.PdfDocument, pages: int) -> Iterator[Block]:
    bookmarks = _bookmarks(document)
    readable = 0
    for index in range(pages):
        for level, title in bookmarks.get(index, []):
            yield Block(title, level)
        try:
            text, is_blank = _text_of(document, index)
        except pypdfium2.PdfiumError:
            yield Block("", page=index + 1)
            continue
        readable += 1
        if not text.strip() and not is_blank:
            yield Block("", page=index + 1)
        for paragraph in _paragraphs(text):
            yield Block(paragraph, page=index + 1)
    if not readable:
        raise UnreadableError("none of its pages can be read")


def _text_of(document: pypdfium2.PdfDocument, index: int) -> tuple[str, bool]:
    """The text of a page, and whether nothing at all stands on it; raises PdfiumError."""
    page = document[index]
    text = page.get_textpage().get_text_range()
    is_blank = not raw.FPDFPage_CountObjects(page)
    page.close()
    return text, is_blank


def _bookmarks(document: pypdfium2.PdfDocument) -> dict[int, list[tuple[int, str]]]:
    found: dict[int, list[tuple[int, str]]] = {}
    for number, bookmark in enumerate(document.get_toc(max_depth=MOST_LEVELS)):
        if number >= MOST_BOOKMARKS:
            break
        target = bookmark.get_dest()
        index = target.get_index() if target else None
        if index is not None:
            found.setdefault(index, []).append((bookmark.level + 1, bookmark.get_title()))
    return found


def _paragraphs(text: str) -> Iterator[str]:
    """Lines put together: one that is much shorter than the page's widest and ends a sentence ends a paragraph."""
    lines = [line.strip() for line in _with_whole_words(text).splitlines()]
    widest = max((len(line) for line in lines), default=0)
    held: list[str] = []
    for line in lines:
        if line:
            held.append(line)
        if held and (not line or (len(line) < widest * 0.8 and _ENDS.search(line))):
            yield " ".join(held)
            held = []
    if held:
        yield " ".join(held)


def _with_whole_words(text: str) -> str:
    """Words that go on in the next line put together.

    No PDF says whose hyphen it is: kept is that of numbers and names (GN-5294), and of a word that the page writes so.
    """
    known = set(_HYPHENATED.findall(text.lower()))

    def mend(found: re.Match[str]) -> str:
        first, second = found[1], found[2]
        is_word = first[-1].islower() and second[0].islower()
        return first if is_word and f"{first}-{second}".lower() not in known else f"{first}-"

    return _BROKEN_WORD.sub(mend, text)
