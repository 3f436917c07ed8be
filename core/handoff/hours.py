"""When somebody of a shop is there to answer, as far as it is known, and what a visitor is told of it."""

from datetime import UTC, datetime, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from core.db.pool import Database
from core.errors import DatabaseUnavailable


class Opening(msgspec.Struct, frozen=True):
    """Whether a shop is open, None where nobody knows; `opens_at` is when it opens next, where that is known.

    `reach` is how to reach it without us: its telephone and its e-mail address.
    """

    is_open: bool | None = None
    opens_at: datetime | None = None
    reach: tuple[str, ...] = ()

    def answers_from(self, moment: datetime) -> datetime:
        """From when on somebody may be expected to answer what is said now: nobody is at night."""
        return self.opens_at if self.is_open is False and self.opens_at is not None else moment


class Hours(Protocol):
    """What knows opening hours."""

    async def at(self, shop_id: int, moment: datetime) -> Opening:
        """What is known of a shop at a moment; never raises: a visitor is handed over whatever is known."""


class StatedHours:
    """Hours from a shop's typed facts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def at(self, shop_id: int, moment: datetime) -> Opening:
        """By the shop's calendar; nothing is known without hours among its facts, and without the database."""
        # Imported here: a calendar of holidays takes 6 MiB, and most functions hand nothing over.
        from core.facts.book import FactBook
        from core.facts.calendar import Calendar

        try:
            stated = await FactBook(self._database).stated(shop_id)
        except DatabaseUnavailable:
            return Opening()
        if stated is None:
            return Opening()
        reach = tuple(way for way in (stated.facts.phone, stated.facts.email) if way)
        if stated.facts.hours is None:
            return Opening(reach=reach)
        calendar = Calendar(stated.facts)
        opens_at = calendar.next_opening(moment)
        return Opening(calendar.is_open(moment), None if opens_at is None else calendar.local(opens_at), reach)

    async def zone(self, shop_id: int) -> tzinfo:
        """The shop's time zone; UTC where it states none, and without the database."""
        from core.facts.book import FactBook

        try:
            stated = await FactBook(self._database).stated(shop_id)
        except DatabaseUnavailable:
            return UTC
        return UTC if stated is None else ZoneInfo(stated.facts.time_zone)


def promise(opening: Opening, patience_min: float, *, is_told: bool) -> str:
    """What a visitor is told will happen; of a shop that nobody tells, no more than that."""
    if not is_told:
        directly = f" You reach the shop yourself at {' or '.join(opening.reach)}." if opening.reach else ""
        return (
            f"Your message is kept here, but nobody at the shop gets a notice of it, so that it may be seen late."
            f"{directly} You can go on asking the assistant meanwhile."
        )
    if opening.is_open:
        return (
            f"The shop is open and was told. Somebody will answer you here; if nobody has in {patience_min:g} minutes, "
            "you will be told."
        )
    if opening.is_open is False:
        when = f" It opens again on {opening.opens_at:%A at %H:%M}." if opening.opens_at else ""
        return f"The shop is closed now and was told.{when} Somebody will answer you here when it is open."
    return (
        f"The shop was told. Somebody will answer you here; if nobody has in {patience_min:g} minutes, "
        "you will be told. You can go on asking the assistant meanwhile."
    )
