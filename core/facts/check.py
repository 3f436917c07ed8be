"""The rules that types cannot hold: zones, countries, regions and holidays must exist; intervals may not overlap."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import pairwise
from zoneinfo import available_timezones

from core.errors import FieldError, InvalidRequest
from core.facts import holidays
from core.facts.calendar import minutes_of
from core.facts.types import DAYS, Facts, HolidayHours, Interval, Price
from core.facts.wording import title

YEARS = 5  # to look for a holiday in: some are not of every year
_DAY_MINUTES = 24 * 60
_ZONES = frozenset(available_timezones())


def check(facts: Facts, at: str = "/facts") -> None:
    """Raise InvalidRequest with a pointer for each broken rule; `at` is where the facts stand."""
    broken = tuple(FieldError(f"{at}{pointer}", detail) for pointer, detail in _broken(facts))
    if broken:
        named = "; ".join(f"{error.pointer.removeprefix('/')}: {error.detail}" for error in broken)
        raise InvalidRequest(named, errors=broken)


def _broken(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.time_zone not in _ZONES:
        yield "/timeZone", "is not a zone of the IANA database"
    if facts.country is not None and facts.country not in holidays.COUNTRIES:
        yield "/country", "is not a country whose public holidays are known"
    elif facts.region is not None and (facts.country is None or not holidays.known(facts.country, facts.region)):
        yield "/region", "is not a region of the country"
    if facts.prices and facts.currency is None:
        yield "/currency", "is needed with prices"
    for number, price in enumerate(facts.prices):
        if price.up_to is not None and price.up_to < price.amount:
            yield f"/prices/{number}/upTo", "is less than the amount"
    yield from _second_prices(facts.prices)
    if facts.hours is not None:
        yield from _overlaps(facts)
        yield from _holidays(facts, facts.hours.holidays)


def _second_prices(prices: Sequence[Price]) -> Iterator[tuple[str, str]]:
    """Prices of the same thing on the same days: no answer could say which it costs."""
    before: dict[str, list[Price]] = {}
    for number, one in enumerate(prices):
        others = before.setdefault(title(one).casefold(), [])
        if any(set(one.days) & set(other.days) or not (one.days or other.days) for other in others):
            yield f"/prices/{number}", f"is a second price of {title(one)}: tell them apart by `variant` or `days`"
        others.append(one)


def _holidays(facts: Facts, stated: Sequence[HolidayHours]) -> Iterator[tuple[str, str]]:
    """Names that no public holiday has: their hours would never count."""
    if stated and facts.country is None:
        yield "/country", "is needed with hours of public holidays"
    if not stated or facts.country is None or not holidays.known(facts.country, facts.region):
        return
    this_year = datetime.now(UTC).year
    known = holidays.names(facts.country, facts.region, range(this_year - 1, this_year + YEARS))
    by_name = {name.casefold(): name for name in known}
    for number, one in enumerate(stated):
        if (given := one.name.casefold()) not in by_name:
            near = [by_name[name] for name in get_close_matches(given, by_name, n=1)]
            meant = f": did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"
            yield f"/hours/holidays/{number}/name", f"is not a public holiday there{meant}"


def _overlaps(facts: Facts) -> Iterator[tuple[str, str]]:
    assert facts.hours is not None
    places: list[tuple[str, Sequence[Interval]]] = [
        (f"/hours/week/{name}", facts.hours.week.of(index)) for index, name in enumerate(DAYS)
    ]
    places += [(f"/hours/dates/{number}/hours", one.hours) for number, one in enumerate(facts.hours.dates)]
    places += [(f"/hours/yearly/{number}/hours", one.hours) for number, one in enumerate(facts.hours.yearly)]
    places += [(f"/hours/holidays/{number}/hours", one.hours or ()) for number, one in enumerate(facts.hours.holidays)]
    for place, intervals in places:
        spans = sorted(_span(one) for one in intervals)
        if any(after[0] < before[1] for before, after in pairwise(spans)):
            yield place, "has intervals that overlap"


def _span(one: Interval) -> tuple[int, int]:
    opens, closes = minutes_of(one.opens), minutes_of(one.closes)
    return opens, closes if closes > opens else closes + _DAY_MINUTES
