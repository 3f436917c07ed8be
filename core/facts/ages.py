"""Ages: whose a price is ("aged 65 and over"), and which ones a question names ("my son is 14")."""

import re

from core.answer.words import plain, vocabulary

_OLDEST = 130
_NOT_YEARS = (
    r"(?!\d)(?!\s*-?(?:kg|kilos?|g|cm|mm|m|km|miles?|inch\w*|in|people|persons?|guests?|min\w*|h|hours?|days?|weeks?|"
    r"%|pm|am)\b)"
)
_RANGES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"\b(\d{{1,3}})\s*(?:to|-|\u2013|until|and)\s*(\d{{1,3}}){_NOT_YEARS}(?! and)"), "between"),
    (re.compile(rf"\b(?:under|below|younger than)\s*(\d{{1,3}}){_NOT_YEARS}"), "under"),
    (re.compile(rf"\b(?:up to|until)\s*(?:age )?(\d{{1,3}}){_NOT_YEARS}"), "to"),
    (re.compile(r"\b(\d{1,3})\s*(?:\+|plus\b|(?:years )?(?:and|or) (?:over|above|older|up)\b)"), "from"),
    (re.compile(rf"\b(?:over|from|older than)\s*(?:age )?(\d{{1,3}}){_NOT_YEARS}"), "from"),
)
_PERSON = (
    "son daughter kid child boy girl mum mom mother dad father gran grandma grandmother grandad grandpa grandfather "
    "nephew niece grandson granddaughter brother sister friend wife husband"
)
_NAMED = re.compile(
    r"\b(\d{1,3})[ -]?(?:years?|yrs?)[ -]old\b|\baged? (\d{1,3})\b|"
    r"\b(?:kids|children|boys|girls|anyone|people) (?:aged )?(?:under|over) (\d{1,3})\b|"
    rf"\b(?:i'?m|i am|he'?s|she'?s|he is|she is|who is|(?:{_PERSON.replace(' ', '|')})(?: is|,)?) "
    rf"(\d{{1,3}})\b{_NOT_YEARS}"
)
_FIRST = re.compile(r"\b(?:me and|and me|and myself|myself and|and i)\b")
# Words that only say whose age it is.
WHOSE = vocabulary(f"{_PERSON} he she old year aged age under over people") | {"aged"}


def ages_of(variant: str) -> range | None:
    """The ages that a variant of a price is for; None where it is told by none."""
    text = plain(variant)
    for pattern, kind in _RANGES:
        if match := pattern.search(text):
            first = int(match[1])
            ends = {"between": (first, int(match[match.lastindex or 1])), "under": (0, first - 1), "to": (0, first)}
            low, high = ends.get(kind, (first, _OLDEST))
            return range(low, high + 1)
    return None


def ages_in(question: str) -> list[int]:
    """The ages that a question names."""
    found = _NAMED.finditer(plain(question))
    # "Under 5" is any age below it, of which the greatest is as good as another.
    return [int(next(filter(None, match.groups()))) - (" under " in match[0]) for match in found]


def asks_for_asker(question: str) -> bool:
    """Whether it is asked for the asker too: "for me and my son"."""
    return _FIRST.search(plain(question)) is not None
