"""A shop's facts, written in a test, and what they say to a question."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from core.answer.compose import from_facts, from_like_names
from core.answer.history import Said
from core.facts.answers import StatedFacts
from core.facts.types import Facts

STATED = datetime(2026, 11, 1, tzinfo=UTC)


def shop(**stated: Any) -> StatedFacts:
    """A shop in London that states this."""
    return StatedFacts(msgspec.convert({"timeZone": "Europe/London", "currency": "GBP", **stated}, Facts), STATED)


def told(stated: StatedFacts, question: str, *before: str, at: datetime = STATED) -> str | None:
    """What the facts say to a question after these turns of the visitor's."""
    found = from_facts(question, [Said("user", turn) for turn in before], stated, at)
    return None if found is None else found.text


def told_alike(stated: StatedFacts, question: str, at: datetime = STATED) -> str | None:
    """What is said of things named alike, where nothing answers the question."""
    found = from_like_names(question, stated, at)
    return None if found is None else found.text
