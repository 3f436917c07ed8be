"""When somebody of a shop is there to answer, as far as it is known."""

from datetime import datetime
from typing import Protocol

import msgspec


class Opening(msgspec.Struct, frozen=True):
    """Whether a shop is open, None where nobody knows; `opens_at` is when it opens next, where that is known."""

    is_open: bool | None = None
    opens_at: datetime | None = None


class Hours(Protocol):
    """What knows opening hours."""

    async def at(self, shop_id: int, moment: datetime) -> Opening:
        """What is known of a shop at a moment; never raises: a visitor is handed over whatever is known."""


class UnknownHours:
    """Hours of shops that never told theirs."""

    async def at(self, shop_id: int, moment: datetime) -> Opening:  # noqa: ARG002 - the protocol's
        """Nothing is known."""
        return Opening()


def promise(opening: Opening, patience_min: float) -> str:
    """What a visitor is told will happen."""
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
