"""A passage in sentences, and a sentence of opening hours in the clauses of its days: pieces, never rewritten."""

import re
import textwrap
from collections.abc import Sequence

from core.answer.claims import claims

_END = re.compile(r"(?<=[.!?])[\"”)]?\s+(?=[\"“(]?[A-Z0-9£$€])|\n+")
_ABBREVIATED = re.compile(
    r"(?:\b(?:a\.m|p\.m|e\.g|i\.e|approx|no|mr|mrs|ms|dr|st|tel|ave|rd|min|inc|ltd)|\b[A-Z])\.$", re.IGNORECASE
)
_EVERY_DAY = re.compile(r"\b(every ?day|daily|seven days|7 days|all week|whatever day|any day)\b", re.IGNORECASE)
_WEEKDAYS = re.compile(r"\bweekdays?\b", re.IGNORECASE)
_WEEKENDS = re.compile(r"\bweekends?\b", re.IGNORECASE)
_SATURDAY = 5
_LONGEST = 1000
_LONGEST_ABBREVIATION = 10


def sentences(text: str) -> list[str]:
    """The sentences of a text, stripped; joined by blanks they are the text but for its white space."""
    found: list[str] = []
    for piece in _END.split(text):
        for part in _shorter(piece.strip()):
            if found and len(found[-1]) < _LONGEST and _ABBREVIATED.search(found[-1][-_LONGEST_ABBREVIATION:]):
                found[-1] = f"{found[-1]} {part}"
            else:
                found.append(part)
    return found


def _shorter(piece: str) -> list[str]:
    """A piece, or its parts where it is a wall of words: what is done with a sentence takes time by its length."""
    return textwrap.wrap(piece, _LONGEST, break_on_hyphens=False) if len(piece) > _LONGEST else [piece] if piece else []


def covers_day(text: str, day: int) -> bool:
    """Whether a text speaks of a day (0 is Monday), by name, within a range, or of all days."""
    if any(claim.kind == "day" and int(claim.value) == day for claim in claims(text)):
        return True
    if _EVERY_DAY.search(text):
        return True
    return bool((_WEEKDAYS if day < _SATURDAY else _WEEKENDS).search(text))


def day_clauses(sentence: str, days: Sequence[int]) -> str | None:
    """Of a list of days with their hours the clauses of these days; None where the sentence is no such list."""
    _, _, tail = sentence.rpartition(": ") if re.search(r":\s", sentence) else ("", "", sentence)
    clauses = [clause.strip(" .") for clause in re.split(r"[,;]\s+(?:and\s+)?", tail)]
    named = [clause for clause in clauses if any(claim.kind == "day" for claim in claims(clause))]
    if len(named) < 2 or len(named) < len(clauses) - 1:  # noqa: PLR2004 - a list of days
        return None
    chosen = [clause for clause in named if any(covers_day(clause, day) for day in days)]
    complete = [clause for clause in chosen if _complete(clause)]
    return ", ".join(complete) + "." if complete and len(complete) == len(chosen) else None


def _complete(clause: str) -> bool:
    """Whether it says when, and not only which day ("Saturday, Sunday and Monday closed" must not be cut)."""
    return (
        any(claim.kind == "time" for claim in claims(clause))
        or re.search(r"\bclosed\b", clause, re.IGNORECASE) is not None
    )
