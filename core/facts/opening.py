"""When a shop is open: now, on the days that a question names, in a usual week."""

import re
from datetime import date, datetime, timedelta

import msgspec

from core.answer.words import plain, words_of
from core.facts import wording
from core.facts.calendar import Calendar, DayHours
from core.facts.dates import Named
from core.facts.query import Query
from core.facts.types import Facts

# What a question of hours may say beside: when, and what is open.
_BESIDE = words_of(
    "late early when working business trading until till store door start night surgery practice studio salon "
    "garage workshop restaurant cafe office clinic gym bakery pizzeria hotel showroom pub museum school everybody "
    "public"
)


def hours_answer(put: Query) -> str | None:
    """The hours that a question asks for, where it asks for nothing else."""
    asked, facts = put.asked, put.facts
    if facts.hours is None or not ({"hours", "open_now"} & asked.kinds or _bare_day(put)):
        return None
    if not put.only(*_BESIDE):
        return None
    calendar = Calendar(facts)
    if put.later or ("open_now" in asked.kinds and put.named is None):
        return _now(calendar, put.now, "then" if put.later else "now")
    if put.named is None:
        return _no_day(put, calendar)
    return on_days(put, calendar, put.named)


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


def on_days(put: Query, calendar: Calendar, named: Named) -> str | None:
    """The hours of the days that a question names; None where it names some that are not there."""
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
