"""What a shop states about itself, typed: an owner's page writes it, answers are computed from it.

Every rule that a type can hold is held by one, so that the OpenAPI document says all of it but those of
`core.facts.check`.
"""

from datetime import date
from typing import Annotated, Literal
from zoneinfo import available_timezones

import msgspec
from msgspec import Meta

from core.facts.holidays import COUNTRIES

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_VISIBLE = r"[^\s\x00-\x1f\x7f]"
_LINE = r"[^\x00-\x1f\x7f]"


def _line(most: int) -> Meta:
    # One line that neither begins nor ends with a blank.
    return Meta(pattern=rf"^{_VISIBLE}({_LINE}{{0,{most - 2}}}{_VISIBLE})?$", description=f"One line, at most {most}")


Name = Annotated[str, _line(120)]
Line = Annotated[str, _line(400)]
Opens = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="A time of the wall clock, HH:MM")]
Closes = Annotated[
    str,
    Meta(
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        description="A time of the wall clock, HH:MM; not after `opens`: on the next day",
    ),
]
Minor = Annotated[int, Meta(ge=0, le=10**9, description="In the currency's smallest unit: 2400 is £24.00")]
Minutes = Annotated[int, Meta(ge=1, le=10_000, description="Minutes")]
TimeZone = Annotated[
    str, Meta(description="A zone of the IANA database", extra_json_schema={"enum": sorted(available_timezones())})
]
Country = Annotated[
    str, Meta(description="ISO 3166-1: whose public holidays count", extra_json_schema={"enum": sorted(COUNTRIES)})
]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="A currency by ISO 4217, such as GBP")]
Phone = Annotated[
    str,
    Meta(pattern=r"^\+?\(?[0-9][0-9 ()./-]{3,28}[0-9]$", description="A number as people dial it"),
]
Email = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,4}$",
        description="An e-mail address",
    ),
]
Url = Annotated[str, Meta(pattern=r"^https?://[!-~]{3,400}$", description="An http:// or https:// address")]
YearDay = Annotated[
    str,
    Meta(
        pattern=r"^((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$",
        description="MM-DD, every year",
    ),
]
Names = Annotated[tuple[Name, ...], Meta(max_length=50)]
Days = Annotated[tuple[Day, ...], Meta(max_length=7)]


class _Fact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    pass


class Interval(_Fact, frozen=True, kw_only=True):
    """Open from `opens` until before `closes`; equal times are a whole day."""

    opens: Opens
    closes: Closes


Intervals = Annotated[tuple[Interval, ...], Meta(max_length=12, description="None: closed")]


class Week(_Fact, frozen=True, kw_only=True):
    """The usual hours; a day that is left out is closed."""

    monday: Intervals = ()
    tuesday: Intervals = ()
    wednesday: Intervals = ()
    thursday: Intervals = ()
    friday: Intervals = ()
    saturday: Intervals = ()
    sunday: Intervals = ()

    def of(self, weekday: int) -> tuple[Interval, ...]:
        """The intervals of a day, 0 is Monday."""
        found: tuple[Interval, ...] = getattr(self, DAYS[weekday])
        return found


class Dates(_Fact, frozen=True, kw_only=True):
    """Other hours on `days` days from `date` on."""

    date: date
    days: Annotated[int, Meta(ge=1, le=400)] = 1
    hours: Intervals = ()
    name: Name | None = None


class Yearly(_Fact, frozen=True, kw_only=True):
    """Other hours on one day of every year."""

    day: YearDay
    hours: Intervals = ()
    name: Name | None = None


class HolidayHours(_Fact, frozen=True, kw_only=True):
    """The hours of one public holiday, by its English name; null: as on any such weekday."""

    name: Name
    hours: Intervals | None = None


class Hours(_Fact, frozen=True, kw_only=True):
    """When the shop is open. What stands lower goes before what stands higher; of two dates, that of fewer days."""

    week: Week
    public_holidays: Literal["closed", "asUsual"] = "asUsual"
    holidays: Annotated[tuple[HolidayHours, ...], Meta(max_length=50)] = ()
    yearly: Annotated[tuple[Yearly, ...], Meta(max_length=100)] = ()
    dates: Annotated[tuple[Dates, ...], Meta(max_length=400)] = ()


class Surcharge(_Fact, frozen=True, kw_only=True):
    """What is added to each price on these days."""

    days: Days
    amount: Minor


class Price(_Fact, frozen=True, kw_only=True):
    """What something costs. `up_to` makes it a range, `starting_at` a lower bound; `days`: offered only then.

    `also_called` are other words for the same thing, `variant` sets apart prices of one service ("for children").
    """

    service: Name
    amount: Minor
    up_to: Minor | None = None
    starting_at: bool = False
    variant: Name | None = None
    also_called: Names = ()
    minutes: Minutes | None = None
    days: Days = ()
    surcharges: Annotated[tuple[Surcharge, ...], Meta(max_length=7)] = ()
    note: Line | None = None


class Person(_Fact, frozen=True, kw_only=True):
    """Who works there; without days nothing is said of them."""

    name: Name
    role: Name | None = None
    skills: Names = ()
    days: Days = ()


class Payment(_Fact, frozen=True, kw_only=True):
    """How customers pay, and how they can't."""

    accepts: Names = ()
    refuses: Names = ()


class Facts(_Fact, frozen=True, kw_only=True):
    """All the typed facts of a shop; what is left out is unknown, not false."""

    time_zone: TimeZone
    currency: Currency | None = None
    country: Country | None = None
    region: Annotated[str, Meta(pattern="^[A-Z0-9]{1,3}$", description="ISO 3166-2, within the country")] | None = None
    name: Name | None = None
    hours: Hours | None = None
    prices: Annotated[tuple[Price, ...], Meta(max_length=500)] = ()
    staff: Annotated[tuple[Person, ...], Meta(max_length=200)] = ()
    address: Line | None = None
    phone: Phone | None = None
    email: Email | None = None
    website: Url | None = None
    booking: Line | None = None
    payment: Payment | None = None
