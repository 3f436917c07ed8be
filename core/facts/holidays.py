"""Public holidays by country and region, from the `holidays` library (docs/decisions/0020)."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

import holidays

COUNTRIES = frozenset(code for code in holidays.list_supported_countries() if len(code) == 2)  # noqa: PLR2004 - ISO 3166-1
OBSERVED = " (observed)"


def known(country: str, region: str | None) -> bool:
    """Whether the calendar of this country, and of its region, is known."""
    return country in COUNTRIES and (region is None or region in regions(country))


def regions(country: str) -> tuple[str, ...]:
    """The regions of a country that have days of their own."""
    return tuple(holidays.list_supported_countries().get(country, ()))


@lru_cache(maxsize=256)
def of_year(country: str, region: str | None, year: int) -> dict[date, tuple[str, ...]]:
    """The names of each public holiday of a year in English; a day that makes up for one ends in OBSERVED."""
    english = _language(country)
    found = holidays.country_holidays(country, subdiv=region, years=year, language=english)
    return {day: tuple(names.split("; ")) for day, names in found.items()}


def names(country: str, region: str | None, years: Iterable[int]) -> frozenset[str]:
    """The English names of all public holidays of these years, without what says that a day makes up for one."""
    found = (name for year in years for day in of_year(country, region, year).values() for name in day)
    return frozenset(name.removesuffix(OBSERVED) for name in found)


def _language(country: str) -> str | None:
    supported = getattr(holidays.country_holidays(country), "supported_languages", ())
    return next((language for language in ("en_GB", "en_US") if language in supported), None)
