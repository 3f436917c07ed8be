"""Markdown (CommonMark with tables) -> blocks."""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ops.reading.html import blocks_of as blocks_of_html
from ops.reading.sections import Block

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?P<fields>.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*(?P<title>\S.*)$", re.MULTILINE)
_TEXTS = {"text", "code_inline", "image"}


def read(text: str) -> tuple[str | None, Iterator[Block]]:
    """The title that its front matter gives, if any, and the blocks."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    title = None
    if front := _FRONT_MATTER.match(text):
        text = text[front.end() :]
        if found := _TITLE.search(front["fields"]):
            title = found["title"].strip().strip("\"'")
    return title, _blocks(MarkdownIt("commonmark").enable("table").parse(text))


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    level, row = 0, None
    for token in tokens:
        match token.type:
            case "heading_open":
                level = int(token.tag[1:])
            case "tr_open":
                row = list[str]()
            case "tr_close":
                yield Block(" | ".join(row or []))
                row = None
            case "inline":
                text = _plain(token.children or [])
                if row is not None:
                    row.append(text)
                else:
                    yield Block(text, level)
                level = 0
            case "fence" | "code_block":
                yield Block(token.content)
            case "html_block":
                yield from blocks_of_html(token.content)[1]


def _plain(children: Sequence[Token]) -> str:
    parts = []
    for child in children:
        if child.type in _TEXTS:
            parts.append(child.content)
        elif child.type in {"softbreak", "hardbreak"}:
            parts.append("\n")
    return "".join(parts)
