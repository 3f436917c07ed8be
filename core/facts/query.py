"""A question that is put to typed facts: taken apart, at its instant, with the days that it names."""

from datetime import datetime

import msgspec

from core.answer.question import FILLERS, Asked, weekdays
from core.answer.words import listed, stem, tokens
from core.facts.dates import DAY_NAMES, Named
from core.facts.periods import Period
from core.facts.types import DAYS, Day, Facts


class Query(msgspec.Struct, frozen=True):
    """`named` are the days, `period` the week or month that it names; `now` is an instant with its zone.

    It is that of the question, or one that it names, and then `later`.
    """

    asked: Asked
    facts: Facts
    now: datetime
    named: Named | None
    later: bool = False
    period: Period | None = None

    @property
    def weekdays(self) -> tuple[Day, ...]:
        """The days of the week that it names."""
        return () if self.named is None else tuple(DAYS[day.weekday()] for day in self.named.days)

    def only(self, *words: str) -> bool:
        """Whether the question has no word of content but these, fillers and days."""
        known = {stem(word) for word in words} | DAY_NAMES | FILLERS
        known |= {stem(word) for word in tokens(self.facts.name or "")}
        if self.named is not None:
            known |= {stem(word) for word in ("st", *tokens(self.named.said or ""))}
        return all(listed(word, known) or weekdays(word) for word in self.asked.subject)
