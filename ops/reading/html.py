"""HTML -> blocks: what a reader of the page sees, never its scripts, styles and menus."""

import re
from collections.abc import Iterator

from lxml import etree, html

from ops.reading.files import BOMS, decode
from ops.reading.refusals import UnreadableError
from ops.reading.sections import Block

_UNSEEN = re.compile(
    "script|style|template|noscript|head|nav|select|button|textarea|object|embed|iframe|svg|math|audio|video|canvas"
)
_INLINE = re.compile(
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|img|ins|kbd|label|mark|meter|output|q|rp|rt|ruby|s"
    "|samp|script|small|span|strike|strong|style|sub|sup|template|time|tt|u|var|wbr|br"
)
_HEADING = re.compile("h([1-6])")
_CELLS = frozenset({"td", "th"})
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)


def read(content: bytes, encoding: str) -> tuple[str | None, Iterator[Block]]:
    """The page's title and its blocks; its own word about its encoding goes before `encoding`."""
    if not content.startswith(tuple(mark for mark, _ in BOMS)) and (said := _CHARSET.search(content[:4096])):
        encoding = said[1].decode("ascii")
    try:
        text = decode(content, encoding)
    except LookupError as error:
        raise UnreadableError(f"says that it is encoded in {encoding}, which nobody knows") from error
    return blocks_of(text)


def blocks_of(text: str) -> tuple[str | None, Iterator[Block]]:
    """The title and the blocks of a page, or of a piece of one."""
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        root = html.document_fromstring(text.encode(), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):  # nothing in it but comments
        return None, iter(())
    title = root.findtext(".//title")
    return title, _Page().blocks(root)


class _Page:
    """Puts text together to blocks as elements begin and end; a table's row is one block."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._level = 0
        self._rows = 0

    def blocks(self, root: html.HtmlElement) -> Iterator[Block]:
        """One block for each run of text between the borders of block elements."""
        for event, element in _events(root):
            tag = str(element.tag)
            if not _INLINE.fullmatch(tag):
                yield from self._border(event, tag)
            if event == "start":
                self._parts.append("\n" if tag == "br" else _folded(element.text))
            else:
                self._parts.append(_folded(element.tail))
        yield from self._flush()

    def _border(self, event: str, tag: str) -> Iterator[Block]:
        if tag == "tr":
            self._rows += 1 if event == "start" else -1
        if not self._rows or (tag == "tr" and self._rows == 1 and event == "start"):
            yield from self._flush()
        else:
            self._parts.append(" | " if tag in _CELLS and event == "end" else " ")
        if heading := _HEADING.fullmatch(tag):
            self._level = int(heading[1]) if event == "start" else 0

    def _flush(self) -> Iterator[Block]:
        text = "".join(self._parts).strip(" |\n")
        self._parts.clear()
        if text:
            yield Block(text, self._level)


def _events(root: html.HtmlElement) -> Iterator[tuple[str, html.HtmlElement]]:
    """Starts and ends of what is seen. Without recursion: pages may be nested as deep as their maker likes."""
    walk = etree.iterwalk(root, events=("start", "end"))
    unseen = None
    for event, element in walk:
        if unseen is not None:
            if event == "end" and element is unseen:
                unseen = None
                yield "end", element
        elif event == "start" and _is_unseen(element):
            unseen = element
            element.text = None
            yield event, element
        else:
            yield event, element


def _is_unseen(element: html.HtmlElement) -> bool:
    return not isinstance(element.tag, str) or bool(_UNSEEN.fullmatch(element.tag)) or "hidden" in element.attrib


def _folded(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "")
