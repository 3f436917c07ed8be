"""WordprocessingML (ECMA-376 part 1, 17) -> blocks: what stands in a document's body, in whatever it is wrapped.

Paragraphs and tables are found by walking all elements, not among the body's children: content controls, tracked
insertions, text boxes, tables in cells and whatever else may stand between would be lost without a word.
"""

import re
from collections.abc import Iterator
from functools import cache

import msgspec
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml.ns import qn
from docx.styles.style import CharacterStyle
from lxml import etree

from ops.reading.sections import Block

_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
# Properties, among which there are elements named as in text (`tab`), and what tracked changes have taken away.
_PROPERTIES = ("w:pPr", "w:rPr", "w:tblPr", "w:tblGrid", "w:trPr", "w:tcPr", "w:sectPr", "w:sdtPr", "w:sdtEndPr")
_LEFT_OUT = frozenset(map(qn, (*_PROPERTIES, "w:del", "w:moveFrom")))
_P, _TBL, _TR, _TC = map(qn, ("w:p", "w:tbl", "w:tr", "w:tc"))
_RUNS = frozenset({qn("w:r"), "{http://schemas.openxmlformats.org/officeDocument/2006/math}r"})
_VANISH = "/".join(map(qn, ("w:rPr", "w:vanish")))
_OFF = frozenset({"0", "false", "off"})
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_TEXTS = frozenset({qn("w:t"), _MATH})
_SIGNS = {qn("w:tab"): "\t", qn("w:ptab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_CHOICE, _FALLBACK = f"{_MC}Choice", f"{_MC}Fallback"


class _Table(msgspec.Struct):
    """A table that is open: the row's cells so far, the open cell's text, and what stands above in each column."""

    row: list[str] = []
    cell: list[str] | None = None
    column: int = 0
    above: dict[int, str] = {}


def blocks_of(document: Document) -> Iterator[Block]:
    """The blocks of the body: a paragraph or a row of a table each."""
    body = _Body(document)
    walk = etree.iterwalk(document.element.body, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            yield from body.end(element)
        elif element.tag in _LEFT_OUT or _is_said_twice(element) or body.hides(element):
            walk.skip_subtree()
        else:
            body.start(element)


def _is_said_twice(element: etree._Element) -> bool:
    """Whether it is another form of what stands before it: text boxes are written for old programs, too."""
    return element.tag in {_CHOICE, _FALLBACK} and any(True for _ in element.itersiblings(_CHOICE, preceding=True))


class _Body:
    """Puts text together as elements begin and end. A text box stands in a paragraph, and is told after it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._paragraphs: list[list[str]] = []
        self._tables: list[_Table] = []
        self._told: list[Block] = []
        self._level_of = cache(self._level)
        self._is_hidden_by = cache(self._style_hides)

    def hides(self, element: etree._Element) -> bool:
        """Whether it is a run that nobody sees: it says so itself, or one of its two styles does (17.7.3)."""
        if element.tag not in _RUNS:
            return False
        own = element.find(_VANISH)
        if own is not None:
            return own.get(qn("w:val"), "1") not in _OFF
        paragraph = next(element.iterancestors(_P), None)
        of_paragraph = None if paragraph is None else _value(paragraph, "w:pPr/w:pStyle")
        of_run = self._is_hidden_by(_value(element, "w:rPr/w:rStyle"), WD_STYLE_TYPE.CHARACTER)
        return of_run != self._is_hidden_by(of_paragraph, WD_STYLE_TYPE.PARAGRAPH)

    def start(self, element: etree._Element) -> None:
        tag = element.tag
        if tag == _P:
            self._paragraphs.append([])
        elif tag == _TBL:
            self._tables.append(_Table())
        elif tag == _TR and self._tables:
            self._tables[-1].row, self._tables[-1].column = [], _number(element, "w:trPr/w:gridBefore", 0)
        elif tag == _TC and self._tables:
            self._tables[-1].cell = []
        elif self._paragraphs and tag in _TEXTS:
            self._paragraphs[-1].append(element.text or "")
        elif self._paragraphs and tag in _SIGNS:
            self._paragraphs[-1].append(_SIGNS[tag])

    def end(self, element: etree._Element) -> Iterator[Block]:
        """What there is to tell by now."""
        tag = element.tag
        if tag == _P:
            self._tell(Block("".join(self._paragraphs.pop()), self._level_of(_value(element, "w:pPr/w:pStyle"))))
        elif tag == _TC and self._tables:
            self._end_cell(element, self._tables[-1])
        elif tag == _TR and self._tables:
            table = self._tables.pop()
            self._tell(Block(" | ".join(table.row)))
            self._tables.append(table)
        elif tag == _TBL:
            self._tables.pop()
        if not self._paragraphs:
            yield from self._told
            self._told.clear()

    def _tell(self, block: Block) -> None:
        """Within a cell it is a part of the cell; else the outer of two paragraphs comes first."""
        if self._tables and (cell := self._tables[-1].cell) is not None:
            cell.append(block.text)
        elif self._paragraphs:
            self._told.append(block)
        else:
            self._told.insert(0, block)

    def _end_cell(self, element: etree._Element, table: _Table) -> None:
        """A cell that goes on from the row above says what stands there: each row is read by itself."""
        text = " ".join(" ".join(table.cell or []).split())
        merged = element.find(qn("w:tcPr") + "/" + qn("w:vMerge"))
        if merged is not None and merged.get(qn("w:val"), "continue") == "continue":
            text = " ".join(filter(None, (table.above.get(table.column), text)))
        table.above[table.column] = text
        table.column += _number(element, "w:tcPr/w:gridSpan", 1)
        table.row += [text] if text else []
        table.cell = None

    def _style_hides(self, style: str | None, kind: WD_STYLE_TYPE) -> bool:
        """Whether a style hides text, or the nearest that says so among those that it is based on."""
        found, met = self._document.part.get_style(style, kind), set[str]()
        while isinstance(found, CharacterStyle) and found.style_id not in met:
            if found.font.hidden is not None:
                return bool(found.font.hidden)
            met.add(found.style_id)
            found = found.base_style
        return False

    def _level(self, style: str | None) -> int:
        found = self._document.part.get_style(style, WD_STYLE_TYPE.PARAGRAPH)
        name = (found.name if found else None) or ""
        heading = _HEADING.fullmatch(name)
        return 1 + int(heading[1]) if heading else int(name == "Title")


def _value(element: etree._Element, path: str) -> str | None:
    found = element.find("/".join(map(qn, path.split("/"))))
    return None if found is None else found.get(qn("w:val"))


def _number(element: etree._Element, path: str, otherwise: int) -> int:
    value = _value(element, path) or ""
    return int(value[:4]) if value.isascii() and value.isdigit() else otherwise
