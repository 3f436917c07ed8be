"""The calendar against an oracle that looks at a wall clock minute by minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.facts.calendar import Calendar, first_instant
from core.facts.types import DAYS, Dates, Facts, HolidayHours, Hours, Interval, Week, Yearly

MINUTE = timedelta(minutes=1)
# Where clocks jump: forward and back by an hour, by half of one, at midnight, and over a whole day.
JUMPS = [
    ("Europe/London", date(2026, 3, 29)),
    ("Europe/London", date(2026, 10, 25)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Asuncion", date(2023, 10, 1)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kolkata", date(2026, 6, 1)),
]


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


times = st.integers(0, 95).map(lambda quarter: clock(quarter * 15))
intervals = st.lists(st.builds(Interval, opens=times, closes=times), max_size=2).map(tuple)
weeks = st.builds(Week, **dict.fromkeys(DAYS, intervals))


def opened(facts: Facts, start: datetime, minutes: int) -> set[datetime]:
    """Every open minute: each interval begins and ends when a wall clock, watched by the minute, says so."""
    zone = ZoneInfo(facts.time_zone)
    watched = [start + MINUTE * offset for offset in range(minutes)]
    walls = [instant.astimezone(zone).replace(tzinfo=None) for instant in watched]
    found: set[datetime] = set()
    day, last = walls[0].date(), walls[-1].date()
    while day <= last:
        for one in facts.hours.week.of(day.weekday()):
            opens = datetime.fromisoformat(f"{day}T{one.opens}")
            closes = datetime.fromisoformat(f"{day}T{one.closes}")
            closes += timedelta(days=closes <= opens)
            first = next((i for i, wall in enumerate(walls) if wall >= opens), len(walls))
            end = next((i for i, wall in enumerate(walls) if wall >= closes), len(walls))
            found |= set(watched[first:end])
        day += timedelta(days=1)
    return found


@pytest.mark.parametrize(("zone", "jump"), JUMPS, ids=str)
@given(week=weeks)
@settings(max_examples=6, deadline=None)
def test_open_is_what_a_watched_wall_clock_says_over_every_jump_of_clocks(zone, jump, week):
    facts = Facts(time_zone=zone, hours=Hours(week=week))
    calendar = Calendar(facts)
    start = datetime(jump.year, jump.month, jump.day, tzinfo=UTC) - timedelta(days=4)
    watched = opened(facts, start, 7 * 24 * 60)
    # The oracle knows nothing of what began before it looked, nor the end of what it saw begin.
    for offset in range(2 * 24 * 60, 5 * 24 * 60, 7):
        instant = start + MINUTE * offset
        assert (instant in watched) == calendar.is_open(instant), instant


@pytest.mark.parametrize(("zone", "jump"), JUMPS[:5], ids=str)
@given(week=weeks, offset=st.integers(0, 2 * 24 * 60))
@settings(max_examples=6, deadline=None)
def test_the_next_opening_and_closing_are_the_next_changes_of_open(zone, jump, week, offset):
    calendar = Calendar(Facts(time_zone=zone, hours=Hours(week=week)))
    instant = datetime(jump.year, jump.month, jump.day, tzinfo=UTC) - timedelta(days=1) + MINUTE * offset
    states = [calendar.is_open(instant + MINUTE * step) for step in range(3 * 24 * 60)]
    begins = [step for step in range(1, len(states)) if states[step] and not states[step - 1]]
    ends = [step for step in range(1, len(states)) if states[step - 1] and not states[step]]
    if begins:
        assert instant + MINUTE * begins[0] == calendar.next_opening(instant)
    if ends:
        assert instant + MINUTE * ends[0] == calendar.next_closing(instant)


def test_a_bar_that_closes_after_midnight_is_open_on_the_next_morning():
    week = Week(friday=(Interval(opens="18:00", closes="02:00"),))
    calendar = Calendar(Facts(time_zone="Europe/London", hours=Hours(week=week)))
    assert calendar.is_open(datetime(2026, 11, 28, 1, 59, tzinfo=UTC))
    assert not calendar.is_open(datetime(2026, 11, 28, 2, 0, tzinfo=UTC))


def test_a_shop_that_never_closes_has_no_next_closing_and_one_that_never_opens_no_next_opening():
    whole = (Interval(opens="00:00", closes="24:00"),)
    always = Calendar(Facts(time_zone="Europe/London", hours=Hours(week=Week(**dict.fromkeys(DAYS, whole)))))
    never = Calendar(Facts(time_zone="Europe/London", hours=Hours(week=Week())))
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert (True, None) == (always.is_open(now), always.next_closing(now))
    assert (False, None) == (never.is_open(now), never.next_opening(now))


def test_a_time_that_clocks_jump_over_is_the_jump_and_one_shown_twice_its_first():
    zone = ZoneInfo("Europe/London")
    assert datetime(2026, 3, 29, 1, 0, tzinfo=UTC) == first_instant(datetime(2026, 3, 29, 1, 30), zone)  # noqa: DTZ001
    assert datetime(2026, 10, 25, 0, 30, tzinfo=UTC) == first_instant(datetime(2026, 10, 25, 1, 30), zone)  # noqa: DTZ001


def test_the_more_special_hours_go_before_the_more_general():
    nine, ten, eleven, noon = ((Interval(opens=f"{hour:02d}:00", closes="17:00"),) for hour in (9, 10, 11, 12))
    hours = Hours(
        week=Week(**dict.fromkeys(DAYS, nine)),
        public_holidays="closed",
        holidays=(HolidayHours(name="Good Friday"), HolidayHours(name="Boxing Day", hours=ten)),
        yearly=(Yearly(day="12-24", hours=eleven),),
        dates=(Dates(date=date(2026, 12, 20), days=10), Dates(date=date(2026, 12, 24), hours=noon)),
    )
    calendar = Calendar(Facts(time_zone="Europe/London", country="GB", region="ENG", hours=hours))
    found = {day: calendar.hours_of(date.fromisoformat(day)).intervals for day in EXPECTED}
    assert msgspec.to_builtins(found) == msgspec.to_builtins(
        {
            day: {"week": nine, "ten": ten, "eleven": eleven, "noon": noon, "": ()}[name]
            for day, name in EXPECTED.items()
        }
    )


EXPECTED = {
    "2026-12-19": "week",
    "2026-12-20": "",  # within ten closed days
    "2026-12-24": "noon",  # one date goes before ten, and before every year's
    "2027-12-24": "eleven",
    "2027-12-25": "",  # a public holiday
    "2027-12-26": "ten",
    "2027-12-28": "ten",  # the day that makes up for Boxing Day
    "2027-03-26": "week",  # Good Friday, as any Friday
    "2027-03-29": "",  # Easter Monday
}
