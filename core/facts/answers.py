"""Questions that typed facts answer: computed, never guessed; None for every question of which a word is left over."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from core.answer.question import FILLERS, ask, weekdays
from core.answer.words import among, content, listed, plain, stem, tokens, vocabulary
from core.facts import wording
from core.facts.calendar import Calendar
from core.facts.dates import Named, moment_named, named_days
from core.facts.opening import hours_answer, on_days
from core.facts.periods import asks_for_week_of, period_named
from core.facts.prices import alike_answer, duration_answer, listed_answer, offered_answer, price_answer, variant_answer
from core.facts.query import Query
from core.facts.staff import staff_answer
from core.facts.types import Facts

_Read = Callable[[Query], str | None]


class StatedFacts(msgspec.Struct, frozen=True):
    """Facts, and when they were last changed."""

    facts: Facts
    as_of: datetime


class FactAnswer(msgspec.Struct, frozen=True):
    """An answer from facts, true as they stood at `as_of`; `topic` names the facts: hours, prices, staff, …"""

    text: str
    topic: str
    as_of: datetime


def answer(question: str, stated: StatedFacts, now: datetime) -> FactAnswer | None:
    """What the facts say to a question asked at `now` (an instant with its zone), or None when they don't."""
    return _first(_READERS, _query(question, stated.facts, now), stated.as_of)


def answer_for_whom(question: str, stated: StatedFacts, now: datetime) -> FactAnswer | None:
    """The prices for those whom a question names that names nothing else, and what is told with the same licence."""
    return _first(_GENEROUS, _query(question, stated.facts, now), stated.as_of)


def answer_by_likeness(question: str, stated: StatedFacts, now: datetime) -> FactAnswer | None:
    """The prices in whose names a question's words stand, said to be no answer: for where nothing else answers it."""
    return _first(_BY_LIKENESS, _query(question, stated.facts, now), stated.as_of)


def _query(question: str, facts: Facts, now: datetime) -> Query:
    today = now.astimezone(ZoneInfo(facts.time_zone)).date()
    if (later := moment_named(question, now)) is not None:
        return Query(ask(later[1]), facts, later[0], None, later=True)
    period = period_named(question, today)
    named = None if period is not None and asks_for_week_of(question) else named_days(question, today, facts)
    return Query(ask(question), facts, now, named, period=period)


def _first(readers: Iterable[tuple[str, _Read]], put: Query, as_of: datetime) -> FactAnswer | None:
    found = ((topic, read(put)) for topic, read in readers)
    return next((FactAnswer(text, topic, as_of) for topic, text in found if text is not None), None)


def _price(put: Query) -> str | None:
    return _with_shut(put, price_answer(put.asked, put.facts, put.weekdays))


def _with_shut(put: Query, said: str | None) -> str | None:
    """An answer about a service, and that the shop is closed on a day for which it was asked."""
    if said is None or put.named is None or put.facts.hours is None:
        return said
    calendar = Calendar(put.facts)
    shut = [one for day in put.named.days if not (one := calendar.hours_of(day)).intervals]
    return " ".join([said, *(wording.on_day(one) for one in shut)])


def _with_hours(put: Query, said: str | None) -> str | None:
    """An answer about a service, and the hours of the days for which it was asked."""
    if said is None or put.named is None or put.facts.hours is None:
        return said
    if (offered := weekdays(said)) and not {day.weekday() for day in put.named.days} & set(offered):
        return said  # it says itself on which other days
    told = on_days(put, Calendar(put.facts), put.named)
    return said if told is None else f"{said} {told}"


def _single(kind: str, field: str, sentence: str, *more: str) -> Callable[[Query], str | None]:
    def read(put: Query) -> str | None:
        value = getattr(put.facts, field)
        if value is None or kind not in put.asked.kinds or {"price", "hours"} & put.asked.kinds or put.named:
            return None
        return sentence.format(value) if put.only(*more) else None

    return read


def _booking(put: Query) -> str | None:
    if _NOT_HOW_TO_BOOK.search(plain(put.asked.text)):
        return None
    if put.named is not None:
        return _book_on(put, put.named)
    services = [word for price in put.facts.prices for word in tokens(f"{price.service} {price.variant or ''}")]
    read = _single("booking", "booking", "{}", "make", "online", "slot", "chair", "table", "place", "spot", *services)
    return read(put)


def _book_on(put: Query, named: Named) -> str | None:
    """Whether a place is free on a day the facts do not know: they tell its hours, and how one books."""
    if (
        put.facts.booking is None
        or put.facts.hours is None
        or not {"booking"} <= put.asked.kinds <= {"booking", "hours"}
    ):
        return None
    if not named.days or not put.only("make", "slot", "chair", "table", "place", "in"):
        return None
    found = [Calendar(put.facts).hours_of(day) for day in named.days]
    said = [wording.on_day(one) for one in found]
    return " ".join([*said, put.facts.booking] if any(one.intervals for one in found) else said)


def _payment(put: Query) -> str | None:
    payment = put.facts.payment
    if payment is None or not payment.accepts:
        return None
    means = [*payment.accepts, *payment.refuses]
    known = {stem(word) for mean in means for word in tokens(mean)} | _PAYING
    words = [word for word in content(put.asked.text) if not listed(word, FILLERS)]
    names_one = any(among(word, known) for word in words)
    if not names_one or not all(among(word, known) for word in words) or set(words) <= {"tak", "number", "credit"}:
        return None
    refused = _named(payment.refuses, words)
    accepted = _named(payment.accepts, words)
    head = "No. " if refused and not accepted else "Yes. " if accepted and not refused else ""
    if not {"pay", "payment"} & set(words) and not refused and not accepted and not among("card", words):
        return None
    tail = f" We do not take {wording.listed(payment.refuses)}." if payment.refuses else ""
    return f"{head}We take {wording.listed(payment.accepts)}.{tail}"


def _named(means: Iterable[str], words: Sequence[str]) -> bool:
    return any(among(stem(one), words) for mean in means for one in tokens(mean) if stem(one) not in {"pay", "card"})


_NOT_HOW_TO_BOOK = re.compile(
    r"\b(need|without|must|have to|required|walk|last|latest|first|earliest|next|soonest|cancel\w*|change|move|"
    r"how many)\b"
)
_PAYING = vocabulary(
    "pay paying payment payments accept take method methods card cards credit debit way ways money amex possible"
)
_READERS: tuple[tuple[str, _Read], ...] = (
    ("prices", _price),
    ("prices", lambda put: duration_answer(put.asked, put.facts)),
    ("staff", staff_answer),
    ("payment", _payment),
    ("hours", hours_answer),
    (
        "address",
        _single("address", "address", "Our address: {}.", "shop", "exact", "full", "address", "street", "town"),
    ),
    ("phone", _single("phone", "phone", "Our phone number: {}.", "reach", "contact", "speak", "talk")),
    ("email", _single("email", "email", "Our e-mail address: {}.", "reach", "contact", "write", "address", "send")),
    ("website", _single("website", "website", "Our website: {}.", "web", "site", "website", "page", "address", "url")),
    ("booking", _booking),
)
_BY_LIKENESS: tuple[tuple[str, _Read], ...] = (("prices", lambda put: alike_answer(put.asked, put.facts)),)
_GENEROUS: tuple[tuple[str, _Read], ...] = (
    ("prices", lambda put: variant_answer(put.asked, put.facts, put.weekdays)),
    ("prices", lambda put: listed_answer(put.asked, put.facts)),
    ("prices", lambda put: _with_hours(put, offered_answer(put.asked, put.facts, put.weekdays))),
)
