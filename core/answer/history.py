"""What was said before, within a bound: the newest turns of visitor and assistant."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

LETTERS_PER_TOKEN = 3.5  # of English; models differ, so that bounds leave room
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
    return round(len(text.encode()) / LETTERS_PER_TOKEN) + 1


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
            text = text[-round(left * LETTERS_PER_TOKEN) :] if not kept else ""
        if not text:
            break
        kept.append(Said(turn.role, text))
        left -= tokens_of(text)
    return kept[::-1]
