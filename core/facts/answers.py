"""Questions that typed facts answer: computed, never guessed; None for every question of which a word is left over."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from core.answer.question import FILLERS, ask
from core.answer.words import among, content, listed, plain, stem, tokens, vocabulary
from core.facts import wording
from core.facts.calendar import Calendar, DayHours
from core.facts.dates import Named, moment_named, named_days
from core.facts.prices import duration_answer, listed_answer, offered_answer, price_answer, variant_answer
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


def _query(question: str, facts: Facts, now: datetime) -> Query:
    today = now.astimezone(ZoneInfo(facts.time_zone)).date()
    if (later := moment_named(question, now)) is not None:
        return Query(ask(later[1]), facts, later[0], None, later=True)
    return Query(ask(question), facts, now, named_days(question, today, facts))


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
    told = _on_days(put, Calendar(put.facts), put.named)
    return said if told is None else f"{said} {told}"


def _hours(put: Query) -> str | None:
    asked, facts = put.asked, put.facts
    if facts.hours is None or not ({"hours", "open_now"} & asked.kinds or _bare_day(put)):
        return None
    if not put.only(
        "late",
        "early",
        "when",
        "working",
        "business",
        "trading",
        "until",
        "till",
        "store",
        "door",
        "start",
        "night",
        "surgery",
        "practice",
        "studio",
        "salon",
        "garage",
        "workshop",
        "restaurant",
        "cafe",
        "office",
        "clinic",
        "gym",
        "bakery",
        "pizzeria",
        "hotel",
        "showroom",
        "pub",
        "museum",
        "school",
        "everybody",
        "public",
    ):
        return None
    calendar = Calendar(facts)
    if put.later or ("open_now" in asked.kinds and put.named is None):
        return _now(calendar, put.now, "then" if put.later else "now")
    if put.named is None:
        return _no_day(put, calendar)
    return _on_days(put, calendar, put.named)


def _bare_day(put: Query) -> bool:
    """A question of nothing but a day that has a name, such as "what about Boxing Day?"."""
    return put.named is not None and not put.asked.kinds and not put.asked.subject


def _no_day(put: Query, calendar: Calendar) -> str:
    facts, lowered = put.facts, plain(put.asked.text)
    assert facts.hours is not None
    if re.search(r"\b(bank|public|national) holidays?\b", lowered):
        return _public_holidays(facts)
    if put.asked.clock is None and re.search(
        r"\bwhen (do|will|are|r) (you|u|ya) (next )?(open|close|shut)\w*( next)?\W*$", lowered
    ):
        return f"{_now(calendar, put.now)} Our usual hours: {wording.week_hours(facts.hours.week)}."
    return f"Our opening hours: {wording.week_hours(facts.hours.week)}."


def _public_holidays(facts: Facts) -> str:
    assert facts.hours is not None
    rule = "we are closed" if facts.hours.public_holidays == "closed" else "we keep our usual hours"
    others = [
        f"{one.name}: {'usual hours' if one.hours is None else wording.hours(one.hours)}"
        for one in facts.hours.holidays
    ]
    return f"On public holidays {rule}.{' ' + '; '.join(others) + '.' if others else ''}"


def _now(calendar: Calendar, now: datetime, when: str = "now") -> str:
    local = calendar.local(now)
    if calendar.is_open(now):
        closing = calendar.next_closing(now)
        if closing is None:
            return f"Yes, we are open {when}, at all hours."
        return f"Yes, we are open {when}, until {_moment(calendar, closing, local.date())}."
    opening = calendar.next_opening(now)
    if opening is None:
        return f"No, we are closed {when}."
    return f"No, we are closed {when}. We open next {_moment(calendar, opening, local.date())}."


def _moment(calendar: Calendar, instant: datetime, today: date) -> str:
    local = calendar.local(instant)
    if local.date() == today:
        return f"{wording.clock(local)} today"
    return f"on {wording.long_date(local.date())} at {wording.clock(local)}"


def _on_days(put: Query, calendar: Calendar, named: Named) -> str | None:
    found = [calendar.hours_of(day) for day in named.days]
    if not found:
        return None
    if put.asked.clock is not None and len(found) == 1:
        return _at_clock(put, calendar, found[0])
    if not named.weekly:
        dated = (line for one in found for line in (*_night_before(calendar, one), _said(one, named)))
        return " ".join(dict.fromkeys(dated))
    assert put.facts.hours is not None
    lines: list[str] = []
    for one in found:
        usual = put.facts.hours.week.of(one.day.weekday())
        before = (one.day.weekday() - 1) % 7
        late = put.facts.hours.week.of(before)
        if not usual and any(interval.closes <= interval.opens != interval.closes > "00:00" for interval in late):
            lines.append(f"On {wording.weekday(before)}s we are {wording.hours(late)}.")
        lines.append(f"On {wording.weekday(one.day.weekday())}s we are {wording.hours(usual)}.")
        if one.special and one.intervals != usual:
            lines.append(f"This week differs: {_lower(wording.on_day(one))}")
    return " ".join(lines)


def _said(one: DayHours, named: Named) -> str:
    name = named.said or one.name
    return wording.on_day(msgspec.structs.replace(one, name=name))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _at_clock(put: Query, calendar: Calendar, one: DayHours) -> str:
    assert put.asked.clock is not None
    clock, day = put.asked.clock, one.day
    moment = datetime(day.year, day.month, day.day, clock // 60, clock % 60, tzinfo=calendar.zone)
    closing = re.search(r"\b(clos|shut)", plain(put.asked.text)) is not None
    begun = calendar.opened_on(moment)
    if closing:
        # "do you close at 5 on Friday?": the hours say it, yes and no could be read both ways.
        return wording.on_day(one)
    if begun is not None:
        return f"Yes. {wording.on_day(calendar.hours_of(begun))}"
    return " ".join(("No.", *_night_before(calendar, one), wording.on_day(one)))


def _night_before(calendar: Calendar, one: DayHours) -> list[str]:
    """The hours of the day before, where they last into this one, on which the shop does not open again."""
    before = calendar.hours_of(one.day - timedelta(days=1))
    spans = calendar.spans_of(before.day)
    midnight = datetime(one.day.year, one.day.month, one.day.day, tzinfo=calendar.zone)
    return [wording.on_day(before)] if spans and spans[-1].end > midnight and not one.intervals else []


def _single(kind: str, field: str, sentence: str, *more: str) -> Callable[[Query], str | None]:
    def read(put: Query) -> str | None:
        value = getattr(put.facts, field)
        if value is None or kind not in put.asked.kinds or {"price", "hours"} & put.asked.kinds or put.named:
            return None
        return sentence.format(value) if put.only(*more) else None

    return read


def _booking(put: Query) -> str | None:
    if re.search(r"\b(need|without|must|have to|required|walk)\b", plain(put.asked.text)):
        return None
    services = [word for price in put.facts.prices for word in tokens(f"{price.service} {price.variant or ''}")]
    read = _single("booking", "booking", "{}", "make", "online", "slot", "chair", "table", "place", "spot", *services)
    return read(put)


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
    if "pay" not in words and not refused and not accepted and not among("card", words):
        return None
    tail = f" We do not take {wording.listed(payment.refuses)}." if payment.refuses else ""
    return f"{head}We take {wording.listed(payment.accepts)}.{tail}"


def _named(means: Iterable[str], words: Sequence[str]) -> bool:
    return any(among(stem(one), words) for mean in means for one in tokens(mean) if stem(one) not in {"pay", "card"})


_PAYING = vocabulary(
    "pay paying payment payments accept take method methods card cards credit debit way ways money amex possible"
)
_READERS: tuple[tuple[str, _Read], ...] = (
    ("prices", _price),
    ("prices", lambda put: duration_answer(put.asked, put.facts)),
    ("staff", staff_answer),
    ("payment", _payment),
    ("hours", _hours),
    (
        "address",
        _single("address", "address", "Our address: {}.", "shop", "exact", "full", "address", "street", "town"),
    ),
    ("phone", _single("phone", "phone", "Our phone number: {}.", "reach", "contact", "speak", "talk")),
    ("email", _single("email", "email", "Our e-mail address: {}.", "reach", "contact", "write", "address", "send")),
    ("booking", _booking),
)
_GENEROUS: tuple[tuple[str, _Read], ...] = (
    ("prices", lambda put: variant_answer(put.asked, put.facts, put.weekdays)),
    ("prices", lambda put: listed_answer(put.asked, put.facts)),
    ("prices", lambda put: _with_hours(put, offered_answer(put.asked, put.facts, put.weekdays))),
)
