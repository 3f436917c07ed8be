"""What an answer may rest on beside passages: the facts in words, and the calendar that they make."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from core.answer.question import FILLERS, ask
from core.answer.words import among, listed, stems
from core.facts import wording
from core.facts.answers import StatedFacts
from core.facts.calendar import HORIZON_DAYS, Calendar
from core.facts.dates import named_days
from core.facts.differing import soon

MOST_LINES = 8


def evidence(stated: StatedFacts | None, now: datetime) -> tuple[str, ...]:
    """Every fact in words, and each date of the year to come with its hours, for `core.answer.grounding`."""
    if stated is None:
        return ()
    return (*wording.everything(stated.facts), *_dates(stated, now))


def relevant(stated: StatedFacts | None, question: str, now: datetime) -> list[str]:
    """The facts, in words, that a question touches, most of its words first; opening hours only where it asks of them.

    With the day of the question, the days that it names, and those soon of which the hours are not the usual ones,
    since no model knows the calendar.
    """
    if stated is None:
        return []
    asked = ask(question)
    words = [word for word in asked.subject if not listed(word, FILLERS)]
    shares = {line: sum(among(word, stems(line)) for word in words) for line in wording.everything(stated.facts)}
    lines = [line for line in sorted(shares, key=lambda line: -shares[line]) if shares[line]][:MOST_LINES]
    if stated.facts.hours is None or not ({"hours", "open_now"} & asked.kinds or asked.days):
        return lines
    calendar = Calendar(stated.facts)
    today = calendar.local(now).date()
    named = named_days(question, today, stated.facts)
    days = () if named is None else named.days
    hours = f"Opening hours: {wording.week_hours(stated.facts.hours.week)}."
    dated = [wording.on_day(calendar.hours_of(day)) for day in days]
    dated += [line for line in soon(calendar, today) if line not in dated]
    return [hours, f"Today is {wording.long_date(today)}.", *dated, *(line for line in lines if line != hours)]


def _dates(stated: StatedFacts, now: datetime) -> Iterator[str]:
    if stated.facts.hours is None:
        return
    calendar = Calendar(stated.facts)
    today = calendar.local(now).date()
    for offset in range(HORIZON_DAYS):
        yield wording.on_day(calendar.hours_of(today + timedelta(days=offset)))
