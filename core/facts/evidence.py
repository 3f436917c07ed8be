"""What an answer may rest on beside passages: the facts in words, and the calendar that they make."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from core.facts import wording
from core.facts.answers import StatedFacts
from core.facts.calendar import HORIZON_DAYS, Calendar


def evidence(stated: StatedFacts | None, now: datetime) -> tuple[str, ...]:
    """Every fact in words, and each date of the year to come with its hours, for `core.answer.grounding`."""
    if stated is None:
        return ()
    return (*wording.everything(stated.facts), *_dates(stated, now))


def _dates(stated: StatedFacts, now: datetime) -> Iterator[str]:
    if stated.facts.hours is None:
        return
    calendar = Calendar(stated.facts)
    today = calendar.local(now).date()
    for offset in range(HORIZON_DAYS):
        yield wording.on_day(calendar.hours_of(today + timedelta(days=offset)))
