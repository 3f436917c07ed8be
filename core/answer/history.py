"""What was said before, within a bound: the newest turns of visitor and assistant."""

from collections.abc import Sequence
from math import ceil
from typing import Protocol

import msgspec

# Of English, and of what is beyond ASCII, of which few models have whole words: a Chinese letter is three bytes, an
# emoji four. Models differ, so that bounds leave room.
LETTERS_PER_TOKEN = 3.5
BYTES_PER_TOKEN = 2.0
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
    return ceil(letters / LETTERS_PER_TOKEN + (len(text.encode()) - letters) / BYTES_PER_TOKEN) + 1


def end_within(text: str, most: int) -> str:
    """The end of a text that is no more than `most` tokens."""
    text = text[-ceil(max(most, 0) * LETTERS_PER_TOKEN) - 1 :]
    left = most - 1.0
    for start in range(len(text) - 1, -1, -1):
        letter = text[start]
        left -= 1 / LETTERS_PER_TOKEN if letter.isascii() else len(letter.encode()) / BYTES_PER_TOKEN
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
