"""The days on which other hours hold than in a usual week, told beside it: no week is usual that has such a day."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from core.facts import wording
from core.facts.calendar import HORIZON_DAYS, Calendar, DayHours

SOON_DAYS = 14  # from today on


def differing(calendar: Calendar, first: date, last: date, weekdays: Sequence[int] = ()) -> list[str]:
    """What holds instead of the usual hours on days from `first` to `last`; of some weekdays where they are given.

    Days that follow each other and are alike are told as one, to the end of them, even where it is after `last`.
    """
    told: list[str] = []
    for run in _runs(calendar, first, last):
        asked = [one for one in run if one.day <= last and (not weekdays or one.day.weekday() in weekdays)]
        if any(calendar.differs(one) for one in asked):
            told += [wording.on_day(one) for one in asked] if weekdays else [wording.on_days(run)]
    return told


def soon(calendar: Calendar, today: date, weekdays: Sequence[int] = ()) -> list[str]:
    """The same of the next two weeks."""
    return differing(calendar, today, today + timedelta(days=SOON_DAYS), weekdays)


def _runs(calendar: Calendar, first: date, last: date) -> Iterator[list[DayHours]]:
    run: list[DayHours] = []
    for offset in range(HORIZON_DAYS):
        one = calendar.hours_of(first + timedelta(days=offset))
        if run and not (one.special and _alike(run[-1], one)):
            yield run
            run = []
        if one.special and (run or one.day <= last):
            run.append(one)
        if one.day > last and not run:
            return
    if run:
        yield run


def _alike(one: DayHours, other: DayHours) -> bool:
    return (one.name, one.intervals) == (other.name, other.intervals)
