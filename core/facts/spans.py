"""Spans of time that a text names: "per hour", "half a day", "for 3 weeks", "monthly"."""

import re

import msgspec

from core.answer.claims import NUMBER_WORDS
from core.answer.words import plain

_ADVERBS = {
    "hourly": "hour",
    "daily": "day",
    "nightly": "night",
    "weekly": "week",
    "monthly": "month",
    "yearly": "year",
    "annual": "year",
    "annually": "year",
}
_RATE = ("per", "each", "every", "a", "an")
_SPAN = re.compile(
    r"\b(?:(?P<part>half|quarter)(?: of)?(?: an?)?|(?P<rate>per|each|every|an?)|(?:for )?the(?: (?:full|whole))?|full|"
    rf"whole|all|(?P<count>\d{{1,4}}|{'|'.join(NUMBER_WORDS)}))[ -]?"
    r"(?P<unit>minute|min|hour|hr|day|night|weekend|week|month|year|yr)s?\b"
    rf"|\b(?P<adverb>{'|'.join(_ADVERBS)})\b"
)
_UNITS = {"min": "minute", "hr": "hour", "yr": "year"}
_PARTS = {"half": 0.5, "quarter": 0.25}
_MINUTES = {"minute": 1, "hour": 60}


class Span(msgspec.Struct, frozen=True):
    """So many of a unit; hours in minutes. `rate`: of a price per unit, which holds for any number of them."""

    count: float
    unit: str
    rate: bool = False


def spans_in(text: str) -> frozenset[Span]:
    """The spans that a text names."""
    return frozenset(_span(match) for match in _SPAN.finditer(plain(text)))


def without_spans(text: str) -> str:
    """The text without them."""
    return _SPAN.sub(" ", plain(text))


def of_minutes(minutes: int) -> Span:
    """A span of so many minutes."""
    return Span(minutes, "minute")


def meets(asked: frozenset[Span], stated: frozenset[Span]) -> bool:
    """Whether a price that is stated for these spans is one for those that are asked for."""
    return any(_meets(one, other) for one in asked for other in stated)


def _meets(asked: Span, stated: Span) -> bool:
    if stated.rate and asked.unit == stated.unit:
        # Three nights are at so much per night; half an hour is not half of what an hour costs.
        return asked.count >= stated.count
    return (asked.count, asked.unit) == (stated.count, stated.unit)


def _span(match: re.Match[str]) -> Span:
    if match["adverb"]:
        return _in_minutes(1, _ADVERBS[match["adverb"]], rate=True)
    unit = _UNITS.get(match["unit"], match["unit"])
    if match["count"] is None:
        count = _PARTS.get(match["part"] or "", 1.0)
    else:
        count = int(match["count"]) if match["count"].isdigit() else NUMBER_WORDS[match["count"]]
    return _in_minutes(count, unit, rate=match["rate"] in _RATE)


def _in_minutes(count: float, unit: str, *, rate: bool) -> Span:
    return Span(count * _MINUTES.get(unit, 1), "minute" if unit in _MINUTES else unit, rate)
