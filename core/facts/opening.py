"""When a shop is open: now, on the days that a question names, in a usual week."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import msgspec

from core.answer.words import plain, words_of
from core.facts import wording
from core.facts.calendar import DAY_MINUTES, Calendar, DayHours, minutes_of
from core.facts.dates import Named
from core.facts.differing import differing, soon
from core.facts.periods import Period
from core.facts.query import Query
from core.facts.types import Facts, Interval, Week

# What a question of hours may say beside: when, and what is open.
_BESIDE = words_of(
    "late early when working business trading until till store door start night surgery practice studio salon "
    "garage workshop restaurant cafe office clinic gym bakery pizzeria hotel showroom pub museum school everybody "
    "public"
)


_OF_NOW = re.compile(
    r"\b(?:when|what time|what day) (?:do|does|will|are|r|is) (?:you|u|ya|(?:the |your )?\w+) (?:be )?(?:next |back )?"
    r"(?!closed\b)(?:open|reopen|clos|shut|back)\w*(?: (?:up|next|again|back|today|open))*(?: in \w+)?\W*$"
)
_LUNCH = re.compile(
    r"\b(?:clos\w*|shut\w*) (?:for|over|at|during) lunch|\blunch ?(?:break|closing)|"
    r"\bopen (?:over|during|through|all) lunch"
)
_ASKS_CLOSING = re.compile(r"\b(clos|shut)")
_MORNING, _NOON, _LATE = "11:00", "12:45", "15:00"

_AND_BACK = ("back", "reopen", "reopening", "beginning", "commencing", "throughout", "all", "from", "work", "month")


def hours_answer(put: Query) -> str | None:
    """The hours that a question asks for, where it asks for nothing else."""
    asked, facts = put.asked, put.facts
    if facts.hours is None or not ({"hours", "open_now"} & asked.kinds or _bare_day(put)):
        return None
    lunch = ("lunch", "break", "lunchtime", "over", "during", "through") if _LUNCH.search(plain(asked.text)) else ()
    if not put.only(*_BESIDE, *_AND_BACK, *lunch):
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
    others = _others(put, calendar)
    if put.asked.clock is None and _OF_NOW.search(lowered):
        later = put.period is not None and put.period.first > calendar.local(put.now).date()
        head = _first_of(calendar, put.period) if later else _now(calendar, put.now)
        return " ".join((f"{head} Our usual hours: {wording.week_hours(facts.hours.week)}.", *others))
    head = _lunch(facts.hours.week) if _LUNCH.search(lowered) else ""
    return " ".join((f"{head}Our opening hours: {wording.week_hours(facts.hours.week)}.", *others))


def _others(put: Query, calendar: Calendar, weekdays: Sequence[int] = ()) -> list[str]:
    """What holds instead of the usual hours, in the week or month that is asked for or else soon."""
    today = calendar.local(put.now).date()
    if put.period is None:
        lines = soon(calendar, today, weekdays)
    else:
        lines = differing(calendar, put.period.first, put.period.last, weekdays)
    return [f"But {_lower(lines[0])}", *lines[1:]] if lines else []


def _first_of(calendar: Calendar, period: Period | None) -> str:
    """When the shop first opens in a week or month to come."""
    assert period is not None
    day = period.first
    while day <= period.last:
        if spans := calendar.spans_of(day):
            return f"We open {_moment(calendar, spans[0].start, None)}."
        day += timedelta(days=1)
    return f"From {wording.long_date(period.first)} to {wording.long_date(period.last)} we are closed."


def _lunch(week: Week) -> str:
    """Whether the shop shuts at midday, on which days; nothing where it is open too late or too briefly to tell."""
    shut = [day for day in range(7) if _breaks(week.of(day))]
    if not shut:
        through = any(one.opens < _NOON < one.closes for day in range(7) for one in week.of(day))
        return "No. " if through else ""
    every = all(day in shut for day in range(7) if week.of(day))
    return "Yes. " if every else f"Yes, on {wording.listed([f'{wording.weekday(day)}s' for day in shut])}. "


def _breaks(intervals: Sequence[Interval]) -> bool:
    ordered = sorted(intervals, key=lambda one: one.opens)
    return any(_MORNING <= before.closes < after.opens and before.closes < _LATE for before, after in pairwise(ordered))


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


def _moment(calendar: Calendar, instant: datetime, today: date | None) -> str:
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
        if named.weekly and put.asked.plural_day:
            return " ".join((_usually_at(put, found[0].day.weekday()), *_others_on(put, calendar, named)))
        return _at_clock(put, calendar, found[0])
    if not named.weekly:
        dated = (line for one in found for line in (*_night_before(calendar, one), _said(one, named)))
        return " ".join(dict.fromkeys(dated))
    return " ".join((*_usual(put, [day.weekday() for day in named.days]), *_others_on(put, calendar, named)))


def _others_on(put: Query, calendar: Calendar, named: Named) -> list[str]:
    return _others(put, calendar, [day.weekday() for day in named.days])


def _usual(put: Query, weekdays: Sequence[int]) -> list[str]:
    """The usual hours of these days of the week, each in a sentence."""
    assert put.facts.hours is not None
    lines: list[str] = []
    for day in weekdays:
        usual, before = put.facts.hours.week.of(day), (day - 1) % 7
        late = put.facts.hours.week.of(before)
        if not usual and any(interval.closes <= interval.opens != interval.closes > "00:00" for interval in late):
            lines.append(f"On {wording.weekday(before)}s we are {wording.hours(late)}.")
        lines.append(f"On {wording.weekday(day)}s we are {wording.hours(usual)}.")
    return lines


def _said(one: DayHours, named: Named) -> str:
    name = named.said or one.name
    return wording.on_day(msgspec.structs.replace(one, name=name))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _at_clock(put: Query, calendar: Calendar, one: DayHours) -> str:
    assert put.asked.clock is not None
    clock, day = put.asked.clock, one.day
    moment = datetime(day.year, day.month, day.day, clock // 60, clock % 60, tzinfo=calendar.zone)
    closing = _ASKS_CLOSING.search(plain(put.asked.text)) is not None
    begun = calendar.opened_on(moment)
    if closing:
        # "do you close at 5 on Friday?": the hours say it, yes and no could be read both ways.
        return wording.on_day(one)
    if begun is not None:
        return f"Yes. {wording.on_day(calendar.hours_of(begun))}"
    return " ".join(("No.", *_night_before(calendar, one), wording.on_day(one)))


def _usually_at(put: Query, weekday: int) -> str:
    """Whether the shop is open at a time on such days of the week: "at 1pm on a Monday"."""
    assert put.facts.hours is not None
    assert put.asked.clock is not None
    week, clock = put.facts.hours.week, put.asked.clock
    lines = " ".join(_usual(put, [weekday]))
    if _ASKS_CLOSING.search(plain(put.asked.text)):
        return lines
    if any(_holds(one, clock) for one in week.of(weekday)):
        return f"Yes. {lines}"
    before = (weekday - 1) % 7
    if any(_holds(one, clock + DAY_MINUTES) for one in week.of(before)):
        return f"Yes. {' '.join(_usual(put, [before]))}"
    return f"No. {lines}"


def _holds(interval: Interval, minute: int) -> bool:
    opens, closes = minutes_of(interval.opens), minutes_of(interval.closes)
    return opens <= minute < closes + (0 if closes > opens else DAY_MINUTES)


def _night_before(calendar: Calendar, one: DayHours) -> list[str]:
    """The hours of the day before, where they last into this one, on which the shop does not open again."""
    before = calendar.hours_of(one.day - timedelta(days=1))
    spans = calendar.spans_of(before.day)
    midnight = datetime(one.day.year, one.day.month, one.day.day, tzinfo=calendar.zone)
    return [wording.on_day(before)] if spans and spans[-1].end > midnight and not one.intervals else []
