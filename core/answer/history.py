"""What was said before, within a bound: the newest turns of visitor and assistant."""

from collections.abc import Sequence
from math import ceil
from typing import Protocol

import msgspec

# Of English 3.5 letters are a token; of what is beyond ASCII, of which few models have whole words, two bytes: a
# Chinese letter is three bytes, an emoji four. Models differ, so that bounds leave room. Whole parts add up exactly.
PARTS_PER_TOKEN = 14
LETTER_PARTS, BYTE_PARTS = 4, 7
HISTORY_TOKENS = 400


class Turn(Protocol):
    """One turn of a conversation."""

    @property
    def role(self) -> str: ...
    @property
    def content(self) -> str: ...


class Said(msgspec.Struct, frozen=True):
    """One turn before the question."""

    role: str
    content: str


def tokens_of(text: str) -> int:
    """About how many tokens a model makes of a text, rather more than fewer."""
    letters = len(text.encode("ascii", "ignore"))
    return ceil((letters * LETTER_PARTS + (len(text.encode()) - letters) * BYTE_PARTS) / PARTS_PER_TOKEN) + 1


def end_within(text: str, most: int) -> str:
    """The end of a text that is no more than `most` tokens."""
    left = (most - 1) * PARTS_PER_TOKEN
    text = text[-max(left, 0) // LETTER_PARTS - 1 :]
    for start in range(len(text) - 1, -1, -1):
        letter = text[start]
        left -= LETTER_PARTS if letter.isascii() else len(letter.encode()) * BYTE_PARTS
        if left < 0:
            return text[start + 1 :]
    return text


def bounded(history: Sequence[Turn], most: int = HISTORY_TOKENS) -> list[Said]:
    """The newest turns that fit into `most` tokens, oldest first; of the one that does not fit, its end.

    Turns of another role are left out: whoever sends a history may write anything into it, and rules are not for
    visitors to set.
    """
    kept: list[Said] = []
    left = most
    for turn in reversed(history):
        if turn.role not in {"user", "assistant"} or not turn.content.strip():
            continue
        text = turn.content.strip()
        if tokens_of(text) > left:
            text = end_within(text, left) if not kept else ""
        if not text:
            break
        kept.append(Said(turn.role, text))
        left -= tokens_of(text)
    return kept[::-1]
