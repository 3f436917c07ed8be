"""Facts in words: amounts, times, dates, hours; in English, as a shop would say them."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from core.facts.calendar import DayHours
from core.facts.types import DAYS, Facts, Interval, Person, Price, Week

_SIGNS = {"GBP": "£", "EUR": "€", "USD": "$", "CAD": "$", "AUD": "$", "NZD": "$", "JPY": "¥"}
# ISO 4217: how many decimals, where not two.
_DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "UGX": 0, "XAF": 0, "XOF": 0, "PYG": 0, "RWF": 0} | {
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip


def amount(minor: int, currency: str | None) -> str:
    """£24, £24.50, 24.50 CHF."""
    decimals = _DECIMALS.get(currency or "", 2)
    value = Decimal(minor).scaleb(-decimals)
    text = f"{value:,.{0 if value == value.to_integral_value() else decimals}f}"
    sign = _SIGNS.get(currency or "")
    return f"{sign}{text}" if sign else f"{text} {currency}" if currency else text


def weekday(index: int) -> str:
    """Monday for 0."""
    return DAYS[index].capitalize()


def long_date(day: date) -> str:
    """Saturday 26 December 2026."""
    return f"{weekday(day.weekday())} {day.day} {day:%B %Y}"


def clock(moment: datetime) -> str:
    """18:00."""
    return f"{moment:%H:%M}"


def hours(intervals: Sequence[Interval]) -> str:
    """From 9:00 to 12:30 and from 14:00 to 18:00; closed without any."""
    if not intervals:
        return "closed"
    if any(one.opens == "00:00" and one.closes in {"00:00", "24:00"} for one in intervals):
        return "open all day"
    ordered = sorted(intervals, key=lambda one: one.opens)
    return "open " + listed([f"from {_short(one.opens)} to {_short(one.closes)}" for one in ordered])


def week_hours(week: Week) -> str:
    """Monday closed, Tuesday and Wednesday 9:00 to 18:00, …; days of equal hours together where they follow."""
    groups: list[tuple[list[int], str]] = []
    for index in range(7):
        said = hours(week.of(index)).removeprefix("open from ").replace("and from", "and").removeprefix("open ")
        if groups and groups[-1][1] == said:
            groups[-1][0].append(index)
        else:
            groups.append(([index], said))
    return ", ".join(f"{_days(days)} {said}" for days, said in groups)


def on_day(found: DayHours) -> str:
    """On Saturday 26 December 2026 (Boxing Day) we are closed."""
    named = f" ({found.name})" if found.name else ""
    return f"On {long_date(found.day)}{named} we are {hours(found.intervals)}."


def on_days(run: Sequence[DayHours]) -> str:
    """From Sunday 27 December 2026 to Saturday 2 January 2027 (stocktaking) we are closed; of days that are alike."""
    first, last = run[0], run[-1]
    if first is last:
        return on_day(first)
    named = f" ({first.name})" if first.name else ""
    return f"From {long_date(first.day)} to {long_date(last.day)}{named} we are {hours(first.intervals)}."


def price(one: Price, currency: str | None) -> str:
    """Haircut for children: £16, 25 minutes."""
    if one.up_to is not None:
        cost = f"{amount(one.amount, currency)} to {amount(one.up_to, currency)}"
    elif one.amount == 0 and not one.starting_at:
        cost = "free"
    else:
        cost = f"from {amount(one.amount, currency)}" if one.starting_at else amount(one.amount, currency)
    parts = [cost]
    if one.minutes is not None:
        parts.append(f"{one.minutes} minutes")
    if one.days:
        parts.append(f"on {listed([f'{day.capitalize()}s' for day in one.days])} only")
    parts += [
        f"on {listed([f'{day.capitalize()}s' for day in extra.days])} {amount(extra.amount, currency)} more"
        for extra in one.surcharges
        if extra.days
    ]
    said = f"{title(one)}: {', '.join(parts)}."
    return f"{said} {one.note}{'' if one.note.endswith(('.', '!')) else '.'}" if one.note else said


def title(one: Price) -> str:
    """What the price is for."""
    return f"{one.service}, {one.variant}" if one.variant else one.service


def person_days(person: Person) -> str:
    """Tuesday to Saturday: when somebody works."""
    return _days([DAYS.index(day) for day in DAYS if day in person.days])


def everything(facts: Facts) -> list[str]:
    """All facts as sentences: what a model may be told, and what its answer is held to."""
    said = [price(one, facts.currency) for one in facts.prices]
    for person in facts.staff:
        about = listed([*filter(None, [person.role]), *person.skills])
        days = f" works {person_days(person)}" if person.days else ""
        said.append(f"{person.name}{f' ({about})' if about else ''}{days}.")
    if facts.hours is not None:
        said.append(f"Opening hours: {week_hours(facts.hours.week)}.")
        said += [f"{one.day}: {hours(one.hours)} {one.name or ''}" for one in facts.hours.yearly]
        said += [f"{long_date(one.date)}: {hours(one.hours)} {one.name or ''}" for one in facts.hours.dates]
    if facts.payment is not None:
        said += [listed(facts.payment.accepts), listed(facts.payment.refuses)]
    singles = (facts.name, facts.address, facts.phone, facts.email, facts.website, facts.booking)
    return said + [one for one in singles if one]


def listed(items: Sequence[str]) -> str:
    """a, b and c."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def _days(indexes: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for index in indexes:
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    said: list[str] = []
    for run in runs:
        # From three days on a range is shorter.
        said += [weekday(day) for day in run] if len(run) < 3 else [f"{weekday(run[0])} to {weekday(run[-1])}"]  # noqa: PLR2004
    return listed(said)


def _short(clock_text: str) -> str:
    return clock_text.removeprefix("0") if clock_text != "00:00" else clock_text
