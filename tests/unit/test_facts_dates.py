"""Days and instants that a question names, of a shop that is open past midnight and whose staff is called April May."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis.strategies import dates, sampled_from

from core.answer.compose import from_facts
from core.answer.history import Said
from core.facts.answers import StatedFacts
from core.facts.types import Facts

DATA = Path(__file__).parents[1] / "data"
THURSDAY = datetime(2026, 11, 26, 12, tzinfo=UTC)
BOWLING = StatedFacts(
    msgspec.json.decode((DATA / "chat_bowling_facts.json").read_bytes(), type=Facts), datetime(2026, 11, 1, tzinfo=UTC)
)
NIGHT = "On Saturday 28 November 2026 we are open from 11:00 to 3:00."
FULL_WEEK = "Monday and Tuesday closed"


def said(question: str, *before: str) -> str | None:
    found = from_facts(question, [Said("user", turn) for turn in before], BOWLING, THURSDAY)
    return None if found is None else found.text


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("are you open on 26 March 2027?", "On Friday 26 March 2027 (Good Friday) we are closed."),
        ("open march 25th", "On Thursday 25 March 2027 we are open from 15:00 to 23:00."),
        ("are you open on 7 April 2027", "On Wednesday 7 April 2027 we are open from 15:00 to 23:00."),
        ("are you open 1 May 2027", "On Saturday 1 May 2027 we are open from 11:00 to 3:00."),
        ("are you open dec 12", "On Saturday 12 December 2026 we are open from 11:00 to 3:00."),
        ("are you open on the 12th?", "On Saturday 12 December 2026 we are open from 11:00 to 3:00."),
        ("open on the 26th?", "On Thursday 26 November 2026 we are open from 15:00 to 23:00."),
        ("open 12/16/2026?", "On Wednesday 16 December 2026 we are open from 15:00 to 23:00."),
        ("open 2/12/2026?", "On Wednesday 2 December 2026 we are open from 15:00 to 23:00."),
        ("what time do you open the day after tomorrow", NIGHT),
        ("are you open in two days", NIGHT),
        ("are you open in a week?", "On Thursday 3 December 2026 we are open from 15:00 to 23:00."),
        ("are you open a week on saturday", "On Saturday 5 December 2026 we are open from 11:00 to 3:00."),
        ("open in 20 minutes?", "No, we are closed then. We open next 15:00 today."),
        ("are you open in 4 hours", "Yes, we are open then, until 23:00 today."),
        ("will you be open in half an hour", "No, we are closed then. We open next 15:00 today."),
        ("when does April work?", "April Sunday works Friday and Saturday."),
        ("is Jude May in on saturday?", "Yes. Jude May works Saturday."),
    ],
)
def test_a_date_is_a_date_before_it_is_a_name(question, text):
    assert text == said(question)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("are you open on sunday at 1am", f"Yes. {NIGHT}"),
        ("are you open on sunday at 5am", f"No. {NIGHT} On Sunday 29 November 2026 we are closed."),
        ("are you open on saturday at 1am", "Yes. On Friday 27 November 2026 we are open from 15:00 to 2:00."),
        ("are you open on sundays", "On Saturdays we are open from 11:00 to 3:00. On Sundays we are closed."),
    ],
)
def test_hours_past_midnight_are_those_of_the_evening_they_began_on(question, text):
    assert text == said(question)


@pytest.mark.parametrize(
    "question",
    [
        "are you open on 30 February",
        "open 31/11/2026?",
        "were you open yesterday",
        "were you open last friday",
        "and the day after?",
        "are you open on 0000-00-00",
        "are you open on 0001-01-01?",
        "are you open at 9pm on 0001-01-01?",
        "are you open on 1999-12-31?",
        "are you open on 2100-01-01?",
        "are you open on 9999-12-31?",
        "are you open at 9pm on 9999-12-31?",
        "can I book a lane on 9999-12-31?",
        "what time does Marten start on Thursday",
    ],
)
def test_a_day_that_is_not_there_or_not_known_gets_no_hours(question):
    assert said(question) is None


@pytest.mark.parametrize(
    ("before", "question", "text"),
    [
        ("2000-01-01", "and the day after?", "On Sunday 2 January 2000 we are closed."),
        ("2000-01-01", "and the day before?", None),
        ("2099-12-31", "and the day after?", None),
        ("0001-01-01", "and the day before?", None),
        ("9999-12-31", "and the day after?", None),
    ],
)
def test_the_days_beside_the_ends_of_the_calendar_are_not_told(before, question, text):
    assert text == said(question, f"are you open on {before}?")


@given(day=dates(), question=sampled_from(["are you open on {}?", "are you open at 1am on {}?", "closed {}?"]))
def test_of_any_date_the_hours_are_told_or_nothing_is(day, question):
    told = said(question.format(day.isoformat()))
    assert (told is not None) == (day.year // 100 == 20)


def test_hours_over_christmas_are_told_day_by_day():
    told = said("what are your hours over christmas") or ""
    assert 9 == told.count("On ")
    assert "On Friday 25 December 2026 (Christmas Day) we are closed." in told
    assert "On Thursday 31 December 2026 (New Year's Eve) we are open from 18:00 to 3:00." in told
