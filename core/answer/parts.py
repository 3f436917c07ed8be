"""A message that asks several things, in the questions that it is made of."""

import re

from core.answer.courtesy import courtesy
from core.answer.question import ask, weekdays
from core.answer.words import tokens

MOST_PARTS = 4
_BEGINS = (
    r"(?:what|whats|what's|when|where|who|whos|who's|which|how|do|does|did|can|could|is|are|will|would|may|have|has)"
)
_BETWEEN = re.compile(
    rf"(?<=[?!])\s+|\s*[,;]?\s+(?:and|but|also|plus)(?: also)?\s+(?={_BEGINS}\s)|[,;.]\s+(?={_BEGINS}\s)", re.IGNORECASE
)
_DAY = re.compile(r"\b(?:today|tomorrow|tonight)\b", re.IGNORECASE)
_OF_A_DAY = frozenset({"staff", "hours", "open_now"})


def parts_of(message: str) -> list[str]:
    """The questions of a message, in its order, what was only polite left out; one where it asks one thing.

    A part that asks for hours or people of no day is asked of the day that the part before it named.
    """
    pieces = [piece.strip(" ,;") for piece in _BETWEEN.split(message) if piece and piece.strip(" ,;")]
    asked = [piece for piece in pieces if courtesy(piece) is None and _asks(piece)]
    if not 1 < len(asked) <= MOST_PARTS:
        return [message]
    parts: list[str] = []
    day = ""
    for piece in asked:
        own = _day_of(piece)
        wants = not own and day and ask(piece).kinds & _OF_A_DAY
        parts.append(f"{piece.rstrip('?!. ')} {day}?" if wants else piece)
        day = own or day
    return parts


def _asks(piece: str) -> bool:
    asked = ask(piece)
    return bool(asked.kinds) or piece.endswith("?") or re.match(rf"{_BEGINS}\s", piece, re.IGNORECASE) is not None


def _day_of(piece: str) -> str:
    named = [word for word in tokens(piece) if weekdays(word)]
    if named:
        return f"on {named[0]}"
    match = _DAY.search(piece)
    return match[0] if match else ""
