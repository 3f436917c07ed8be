"""Blocks -> passages: what stands under one heading stays together, up to a length that a model reads whole."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from core.knowledge.chunk import runs
from core.knowledge.document import NewPassage, titled
from ops.reading.refusals import UnreadableError

# About the 256 tokens that a small model reads of a text; less would tear apart what belongs together.
PASSAGE_WORDS = 180
PASSAGE_CHARS = 1500
MOST_PASSAGES = 5000
HEADING_CHARS = 200
BETWEEN_HEADINGS = " > "
# Controls, noncharacters and what extraction leaves of soft hyphens: no text.
_NOISE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")


class Block(msgspec.Struct, frozen=True):
    """A paragraph, list item or row (`level` 0), or a heading (1 is the highest); `page` counts from 1."""

    text: str
    level: int = 0
    page: int | None = None


class _Section(msgspec.Struct):
    headings: tuple[str, ...]
    page: int | None
    texts: list[str] = []


def passages_of(blocks: Iterable[Block], source: str, title: str | None = None) -> tuple[NewPassage, ...]:
    """The passages of a document, in order; raises UnreadableError when there is no text, or too much."""
    found: list[NewPassage] = []
    for section in _sections(blocks, title):
        for text in _pieces(section.texts) or [""]:
            content = titled(BETWEEN_HEADINGS.join(section.headings), text)
            if any(
                map(str.isalnum, text or content)
            ):  # rules and ornaments are found by no question, and cost as much to embed
                found.append(NewPassage(content, source=source, metadata=_metadata(section)))
        if len(found) > MOST_PASSAGES:
            raise UnreadableError(f"makes more than {MOST_PASSAGES} passages: split it")
    if not found:
        raise UnreadableError("holds no text")
    return tuple(found)


def clean(text: str) -> str:
    """The text without noise, its white space tidy, its lines kept."""
    lines = (" ".join(line.split()) for line in _NOISE.sub("", text.replace("\r", "\n")).splitlines())
    return "\n".join(line for line in lines if line)


def _sections(blocks: Iterable[Block], title: str | None) -> Iterator[_Section]:
    """A heading alone is a section when no deeper one follows: it may be all that is said."""
    path: list[tuple[int, str]] = [(0, clean(title)[:HEADING_CHARS])] if title and clean(title) else []
    now = _Section(tuple(name for _, name in path), None)
    bare = False
    for block in blocks:
        if not (text := clean(block.text)):
            continue
        if block.level:
            if now.texts or (bare and path[-1][0] >= block.level):
                yield now
            path = [(level, name) for level, name in path if level < block.level]
            path.append((block.level, " ".join(text.split())[:HEADING_CHARS]))
            now, bare = _Section(tuple(dict.fromkeys(name for _, name in path)), block.page), True
        else:
            if now.texts and block.page != now.page and block.page is not None:
                yield now
                now = _Section(now.headings, block.page)
            now.page = now.page if now.texts else block.page
            now.texts.append(text)
    if now.texts or bare:
        yield now


def _pieces(texts: list[str]) -> list[str]:
    """Paragraphs put together up to the bounds of a passage; one that is longer is cut between sentences."""
    pieces: list[str] = []
    words = chars = 0
    for text in (part for whole in texts for part in _bounded(whole)):
        more = len(text.split())
        if pieces and words + more <= PASSAGE_WORDS and chars + len(text) <= PASSAGE_CHARS:
            pieces[-1] += f"\n{text}"
            words, chars = words + more, chars + len(text) + 1
        else:
            pieces.append(text)
            words, chars = more, len(text)
    return pieces


def _bounded(text: str) -> list[str]:
    if len(text) <= PASSAGE_CHARS and len(text.split()) <= PASSAGE_WORDS:
        return [text]
    return runs(text, PASSAGE_WORDS, PASSAGE_CHARS)


def _metadata(section: _Section) -> dict[str, Any]:
    found: dict[str, Any] = {"headings": list(section.headings)} if section.headings else {}
    return {**found, "page": section.page} if section.page is not None else found
