"""Opening hours on the calendar: which hours a date has, whether the shop is open at an instant, what comes next.

Hours are wall-clock times. An opening begins at the first instant at which the shop's wall clock shows `opens` or later
and ends at the first at which it shows `closes` or later: where clocks go forward over it, at the jump; where they go
back, at the first of the two. In between it is one stretch, however long that is by a stopwatch.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from core.facts import holidays
from core.facts.types import Facts, Hours, Interval

HORIZON_DAYS = 400
_MINUTE = timedelta(minutes=1)
DAY_MINUTES = 24 * 60


class Span(msgspec.Struct, frozen=True, order=True):
    """From one instant until before another, both in UTC."""

    start: datetime
    end: datetime


class DayHours(msgspec.Struct, frozen=True):
    """The hours of a date and why they are not the usual ones; no intervals: closed."""

    day: date
    intervals: tuple[Interval, ...]
    special: bool = False
    name: str | None = None


class Calendar:
    """The opening hours of a shop. Raises nothing for facts that `core.facts.check` let pass."""

    def __init__(self, facts: Facts) -> None:
        assert facts.hours is not None, "a calendar is of a shop whose hours are known"
        self._hours: Hours = facts.hours
        self._country, self._region = facts.country, facts.region
        self.zone = ZoneInfo(facts.time_zone)

    def local(self, instant: datetime) -> datetime:
        """The instant on the shop's wall clock."""
        return instant.astimezone(self.zone)

    def hours_of(self, day: date) -> DayHours:
        """The hours that begin on a date."""
        usual = self._hours.week.of(day.weekday())
        within = [one for one in self._hours.dates if 0 <= day.toordinal() - one.date.toordinal() < one.days]
        if within:
            chosen = min(within, key=lambda one: one.days)
            return DayHours(day, chosen.hours, special=True, name=chosen.name or self.holiday(day))
        for yearly in self._hours.yearly:
            if yearly.day == f"{day:%m-%d}":
                return DayHours(day, yearly.hours, special=True, name=yearly.name or self.holiday(day))
        return self._holiday_hours(day, usual)

    def _holiday_hours(self, day: date, usual: tuple[Interval, ...]) -> DayHours:
        names = self._holidays(day)
        bare = {name.removesuffix(holidays.OBSERVED).casefold() for name in names}
        for one in self._hours.holidays:
            if one.name.casefold() in bare:
                return DayHours(day, usual if one.hours is None else one.hours, special=True, name=one.name)
        if names and self._hours.public_holidays == "closed":
            return DayHours(day, (), special=True, name=names[0])
        return DayHours(day, usual)

    def differs(self, one: DayHours) -> bool:
        """Whether these hours of a date are not those that its weekday usually has."""
        return one.special and one.intervals != self._hours.week.of(one.day.weekday())

    def holiday(self, day: date) -> str | None:
        """The name of the public holiday on a date, or None."""
        names = self._holidays(day)
        return names[0] if names else None

    def _holidays(self, day: date) -> tuple[str, ...]:
        if self._country is None:
            return ()
        return holidays.of_year(self._country, self._region, day.year).get(day, ())

    def spans_of(self, day: date) -> list[Span]:
        """The stretches of time that begin on a date, merged where they meet, in order."""
        return _merged([self._span(day, one) for one in self.hours_of(day).intervals])

    def is_open(self, instant: datetime) -> bool:
        """Whether the shop is open at an instant."""
        return any(span.start <= instant < span.end for span in self._spans_from(instant, 1))

    def opened_on(self, instant: datetime) -> date | None:
        """The date whose hours hold an instant, which may be the day before; None while it is closed."""
        today = self.local(instant).date()
        days = (today - timedelta(days=back) for back in range(3))
        return next((day for day in days for span in self.spans_of(day) if span.start <= instant < span.end), None)

    def next_opening(self, instant: datetime) -> datetime | None:
        """When the shop opens next: strictly later, after it was closed; None within HORIZON_DAYS."""
        return next((span.start for span in self._stretches(instant) if span.start > instant), None)

    def next_closing(self, instant: datetime) -> datetime | None:
        """When the shop, open at this instant or from its next opening on, closes; None within HORIZON_DAYS."""
        last = instant + timedelta(days=HORIZON_DAYS - 1)
        end = next((span.end for span in self._stretches(instant) if span.end > instant), None)
        return None if end is None or end >= last else end

    def _stretches(self, instant: datetime) -> Iterator[Span]:
        """What is open without a break, from the one that this instant is in, or that comes next, on."""
        held: Span | None = None
        for span in self._spans_from(instant, HORIZON_DAYS):
            if held is not None and span.start <= held.end:
                held = Span(held.start, max(held.end, span.end))
                continue
            if held is not None:
                yield held
            held = span
        if held is not None:
            yield held

    def _spans_from(self, instant: datetime, days: int) -> Iterator[Span]:
        # An interval of two days before may end only now: it lasts up to a day, and clocks may go back.
        first = self.local(instant).date() - timedelta(days=2)
        for offset in range(days + 3):
            yield from self.spans_of(first + timedelta(days=offset))

    def _span(self, day: date, interval: Interval) -> Span:
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the wall clock
        opens, closes = minutes_of(interval.opens), minutes_of(interval.closes)
        lasts = closes + (0 if closes > opens else DAY_MINUTES)
        return Span(
            first_instant(midnight + opens * _MINUTE, self.zone), first_instant(midnight + lasts * _MINUTE, self.zone)
        )


def minutes_of(clock: str) -> int:
    """Minutes after midnight of HH:MM."""
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant, in UTC, at which the wall clock shows this time (naive), or jumps over it."""
    before = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if before.astimezone(zone).replace(tzinfo=None) == wall:
        return before
    # In a gap: the jump lies between the readings with the offset after it and with the one before it.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), before
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            high = middle
        else:
            low = middle
    return high


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(one for one in spans if one.start < one.end):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged
