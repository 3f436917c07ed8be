"""The usual week and the days on which it does not hold; of a library that shuts at midday."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.facts.calendar import Calendar
from core.facts.differing import differing
from core.facts.periods import Period, period_named
from tests.parts.stating import shop, told


def between(*times):
    return [{"opens": first, "closes": last} for first, last in zip(times[::2], times[1::2], strict=True)]


LIBRARY = shop(
    country="GB",
    region="ENG",
    hours={
        "week": {
            "monday": between("09:00", "12:00", "13:00", "17:00"),
            "wednesday": between("09:00", "19:00"),
            "friday": between("18:00", "02:00"),
        },
        "publicHolidays": "closed",
        "dates": [
            {"date": "2027-06-07", "hours": between("11:00", "15:00"), "name": "book fair"},
            {"date": "2027-06-14", "days": 20, "name": "building works"},
        ],
    },
    staff=[{"name": "Ana", "days": ["monday", "friday"]}],
)
WEEK = (
    "Monday 9:00 to 12:00 and 13:00 to 17:00, Tuesday closed, Wednesday 9:00 to 19:00, Thursday closed, "
    "Friday 18:00 to 2:00, Saturday and Sunday closed."
)
FAIR = "n Monday 7 June 2027 (book fair) we are open from 11:00 to 15:00."
WORKS = "rom Monday 14 June 2027 to Saturday 3 July 2027 (building works) we are closed."
OURS, USUAL = f"Our opening hours: {WEEK}", f"Our usual hours: {WEEK}"
AUGUST = "n Monday 30 August 2027 (Late Summer Bank Holiday) we are closed."
SHUT = "On Monday 14 June 2027 (building works) we are closed."
TO_JULY = " 2027 to Saturday 3 July 2027 (building works) we are closed."
LATER = "No, we are closed now. We open next 11:00 today."
TODAY = "Yes, we are open now, until 15:00 today."
IN_JULY = "We open on Monday 5 July 2027 at 09:00."
MONDAYS = "On Mondays we are open from 9:00 to 12:00 and from 13:00 to 17:00."
FRIDAYS = "On Fridays we are open from 18:00 to 2:00."


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2027, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "question", "text"),
    [
        (at(5, 3), "what are your hours?", f"{OURS} But on Monday 3 May 2027 (May Day) we are closed."),
        (at(5, 4), "what are your hours?", OURS),
        (at(6, 2), "what are your hours?", f"{OURS} But o{FAIR} F{WORKS}"),
        (at(6, 2), "hours next week", f"{OURS} But o{FAIR}"),
        (at(6, 2), "hours this week", OURS),
        (at(5, 5), "when are you closed", OURS),
        (at(5, 5), "will you be open next month?", f"{OURS} But o{FAIR} F{WORKS}"),
        (at(6, 2), "opening hours in june", f"{OURS} But o{FAIR} F{WORKS}"),
        (at(6, 2), "opening hours in august please", f"{OURS} But o{AUGUST}"),
        (at(6, 2), "when are you open the week of june 21", f"{OURS} But from Monday 21 June{TO_JULY}"),
        (at(6, 7, 9), "what time do you open", f"{LATER} {USUAL} But o{FAIR} F{WORKS}"),
        (at(6, 7), "what time do you close?", f"{TODAY} {USUAL} But o{FAIR} F{WORKS}"),
        (at(6, 30), "when do you open again in july", f"{IN_JULY} {USUAL} But from Thursday 1 July{TO_JULY}"),
        (at(6, 2), "are you open on mondays", f"{MONDAYS} But o{FAIR} {SHUT}"),
        (at(5, 5), "are you open at 12.30pm on a monday", f"No. {MONDAYS}"),
        (at(5, 5), "are you open at 10am on mondays", f"Yes. {MONDAYS}"),
        (at(5, 5), "are you open at 1am on saturdays", f"Yes. {FRIDAYS}"),
        (at(6, 2), "are you open at 4pm on monday", f"No. O{FAIR}"),
        (at(5, 5), "are you open monday 7th", None),
        (at(6, 2), "are you open monday 7th", f"O{FAIR}"),
        (at(6, 2), "hours on wednesday the 16th", "On Wednesday 16 June 2027 (building works) we are closed."),
        (at(6, 12), "is Ana in on monday", f"No. Ana works Monday and Friday. {SHUT}"),
        (at(6, 12), "does Ana work on mondays", f"Yes. Ana works Monday and Friday. {SHUT}"),
        (at(5, 5), "do you shut for lunch?", f"Yes, on Mondays. {OURS}"),
        (at(5, 5), "do you close over lunch on mondays", MONDAYS),
        (at(5, 5), "do you work on fridays", FRIDAYS),
        (at(5, 5), "do you work on engines", None),
        (at(5, 5), "are you open for lunch", None),
    ],
)
def test_the_usual_week_is_told_with_the_days_on_which_it_does_not_hold(moment, question, text):
    assert text == told(LIBRARY, question, at=moment)


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("hours this week", (2026, 12, 30), (2027, 1, 3)),
        ("hours next week", (2027, 1, 4), (2027, 1, 10)),
        ("open next month?", (2027, 1, 1), (2027, 1, 31)),
        ("are you open in february", (2027, 2, 1), (2027, 2, 28)),
        ("are you open in december", (2026, 12, 30), (2026, 12, 31)),
        ("hours in march 2028", (2028, 3, 1), (2028, 3, 31)),
        ("the week of 1 january", (2026, 12, 30), (2027, 1, 3)),
    ],
)
def test_a_week_or_a_month_is_found_on_the_calendar(question, first, last):
    found = period_named(question, date(2026, 12, 30))
    assert found is not None
    assert (date(*first), date(*last)) == (found.first, found.last)


@pytest.mark.parametrize(
    "question", ["hours on 5 march", "march the 5th", "in may 5", "next friday", "the week of 31 june"]
)
def test_a_day_is_no_month(question):
    assert period_named(question, date(2026, 12, 30)) is None


_DAYS = st.integers(min_value=0, max_value=60).map(lambda days: date(2027, 5, 20) + timedelta(days=days))


@given(_DAYS, st.integers(min_value=0, max_value=30))
def test_each_day_that_differs_is_told_and_no_other(first, days):
    """Against a plain count: a line for each run of days that are alike, one of which differs at least."""
    calendar = Calendar(LIBRARY.facts)
    last = first + timedelta(days=days)
    lines = differing(calendar, first, last)
    hours = [calendar.hours_of(first + timedelta(days=offset)) for offset in range(days + 1)]
    names = {one.name for one in hours if calendar.differs(one)}
    assert len(names) == len(lines)
    assert all(any(name in line for line in lines) for name in names if name)


@given(_DAYS, st.text(alphabet="abcdefghij 0123456789", max_size=30))
def test_no_text_breaks_the_reading_of_weeks(today, text):
    for question in (f"week of {text}", f"in {text}", f"in june {text}", f"week of {text} june"):
        found = period_named(question, today)
        assert found is None or (isinstance(found, Period) and today <= found.first <= found.last)
