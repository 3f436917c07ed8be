"""How much of a message and of what was said before is looked at: anybody may send a mebibyte of it, at no cost."""

from collections.abc import Sequence

from core.answer.courtesy import courtesy
from core.answer.history import Turn
from core.answer.spelling import spelled

# What a visitor asks stands at the end of a long message. Beyond these letters nothing is taken apart: every step of
# an answer takes time by the letter, some by its square.
MESSAGE_LETTERS = 600
TURN_LETTERS = 300
TURNS_BACK = 6


def ending(text: str, most: int) -> str:
    """The text in single blanks, of one that is longer than `most` letters its last whole words."""
    # Blanks may be most of it; what they leave is cut again.
    kept = " ".join(text[-4 * most :].split())
    if len(kept) <= most:
        return kept
    _, _, whole = kept[-most:].partition(" ")
    return whole or kept[-most:]


def heard(message: str) -> str:
    """The message as far as it is taken apart, chat speech written out."""
    return spelled(ending(message, MESSAGE_LETTERS))


def visitor_turns(history: Sequence[Turn]) -> list[str]:
    """What the visitor said last, oldest first, without what was only polite: "ok thanks" is about nothing."""
    kept: list[str] = []
    for turn in reversed(history):
        if len(kept) == TURNS_BACK:
            break
        said = ending(turn.content, TURN_LETTERS) if turn.role == "user" else ""
        if said and courtesy(said) is None:
            kept.append(spelled(said))
    return kept[::-1]
