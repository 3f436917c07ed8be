"""HTML -> blocks: what a reader of the page sees, never its scripts, styles and menus."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from lxml import etree

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
    """The title and the blocks of a page, or of a piece of one; all of it, however deep its elements are nested."""
    page = _Page()
    # No tree: libxml2 ends one at a depth of 256 (2048 when `huge_tree`), and drops the rest without an error.
    parser = etree.HTMLParser(encoding="utf-8", target=page, huge_tree=True)
    with suppress(etree.ParserError, etree.XMLSyntaxError):  # nothing in it but comments
        etree.fromstring(text.encode(), parser)
    if lost := parser.error_log.filter_from_fatals():
        raise UnreadableError(f"its reader gave up in line {lost[0].line}: {lost[0].message}")
    return page.title, iter(page.blocks)


class _Page:
    """Puts text together to blocks as elements begin and end (lxml's parser target); a table's row is one block."""

    def __init__(self) -> None:
        self.title: str | None = None
        self.blocks: list[Block] = []
        self._parts: list[str] = []
        self._level = 0
        self._rows = 0
        self._unseen = 0  # elements open, from the outermost that is not seen
        self._in_title = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._in_title = tag == "title" and self.title is None
        if self._unseen or _is_unseen(tag, attributes):
            if not self._unseen:
                self._border("start", tag)
            self._unseen += 1
        else:
            self._border("start", tag)
            if tag == "br":
                self._parts.append("\n")

    def end(self, tag: str) -> None:
        """An element ends: each that began does, at the end of the page if not before."""
        self._in_title = False
        self._unseen = max(0, self._unseen - 1)
        if not self._unseen:
            self._border("end", tag)

    def data(self, text: str) -> None:
        """Some text; one run of it may come in pieces."""
        if self._in_title:
            self.title = (self.title or "") + text
        if not self._unseen:
            self._parts.append(re.sub(r"\s+", " ", text))

    def close(self) -> None:
        """The page ends."""
        self._flush()

    def _border(self, event: str, tag: str) -> None:
        if _INLINE.fullmatch(tag):
            return
        if tag == "tr":
            self._rows += 1 if event == "start" else -1
        if not self._rows or (tag == "tr" and self._rows == 1 and event == "start"):
            self._flush()
        else:
            self._parts.append(" | " if tag in _CELLS and event == "end" else " ")
        if heading := _HEADING.fullmatch(tag):
            self._level = int(heading[1]) if event == "start" else 0

    def _flush(self) -> None:
        text = "".join(self._parts).strip(" |\n")
        self._parts.clear()
        if text:
            self.blocks.append(Block(text, self._level))


def _is_unseen(tag: str, attributes: Mapping[str, str]) -> bool:
    return (
        bool(_UNSEEN.fullmatch(tag))
        or "hidden" in attributes
        or (tag == "dialog" and "open" not in attributes)
        or attributes.get("aria-hidden", "").strip().lower() == "true"
        or "navigation" in attributes.get("role", "").lower().split()
        or _hides(attributes.get("style", ""))
    )


def _hides(style: str) -> bool:
    """Whether an element's own style keeps it from being seen; of two declarations the later one counts."""
    parts = (declaration.partition(":") for declaration in style.lower().split(";"))
    said = {name.strip(): value.partition("!")[0].strip() for name, _, value in parts}
    return said.get("display") == "none" or said.get("visibility") in {"hidden", "collapse"}
