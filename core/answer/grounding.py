"""What an answer claims must stand in its evidence: prices, times, dates, days, numbers, names and addresses."""

from collections.abc import Sequence
from decimal import Decimal

from core.answer.claims import DAYS, Claim, claims
from core.answer.words import stems

_HALF_DAY = 12
_GROUPS = {
    "every day": range(7),
    "daily": range(7),
    "all week": range(7),
    "seven days": range(7),
    "7 days": range(7),
    "weekdays": range(5),
    "weekday": range(5),
    "weekends": (5, 6),
    "weekend": (5, 6),
}


def ungrounded(text: str, evidence: Sequence[str]) -> list[str]:
    """The claims of `text` that occur in no piece of evidence, as the text has them, in the order they are read.

    Equal are "£15", "15 pounds" and "15.00"; "5pm", "17:00" and "5:00 p.m."; "Sat" and "Saturday"; a day within a range
    of days and the range. A price is not grounded by a number of minutes, nor a time by a price.
    """
    known = _Known(evidence)
    return list(dict.fromkeys(claim.surface for claim in claims(text) if not known.has(claim)))


class _Known:
    """What the evidence says, by kind."""

    def __init__(self, evidence: Sequence[str]) -> None:
        found = [claim for piece in evidence for claim in claims(piece)]
        self._values = {(claim.kind, claim.value) for claim in found}
        self._bare = {claim.value for claim in found if claim.bare}
        lowered = " ".join(evidence).lower()
        self._values |= {("day", str(day)) for name, days in _GROUPS.items() if name in lowered for day in days}
        self._values |= {("day", str(index)) for index, day in enumerate(DAYS) if day[:3] in lowered.split()}
        self._words = {stem for piece in evidence for stem in stems(piece)}
        self._digits = {claim.value for claim in found if claim.kind == "phone"}

    def has(self, claim: Claim) -> bool:
        return (claim.kind, claim.value) in self._values or self._otherwise(claim)

    def _otherwise(self, claim: Claim) -> bool:
        """Whether it is there in another form."""
        found = False
        match claim.kind:
            case "money":
                found = claim.value in self._bare
            case "time":
                found = self._hour(int(claim.value))
            case "number":
                found = self._number(claim)
            case "name":
                found = claim.value in self._words
            case "phone":
                # With or without a country's code.
                found = any(digits[-9:] == claim.value[-9:] for digits in self._digits)
        return found

    def _hour(self, minutes: int) -> bool:
        hour, past = divmod(minutes, 60)
        return not past and bool({str(hour), str(hour % _HALF_DAY or _HALF_DAY)} & self._bare)

    def _number(self, claim: Claim) -> bool:
        if ("money", claim.value) in self._values:
            return claim.bare
        value = Decimal(claim.value)
        if claim.bare and value == value.to_integral_value() and 0 <= value <= 2 * _HALF_DAY:
            return any(("time", str(int(hour) * 60 % 1440)) in self._values for hour in (value, value + _HALF_DAY))
        return False
