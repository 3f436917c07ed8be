"""The dates that a question names: "tomorrow", "next Friday", "25 December", "Boxing Day"."""

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta

import msgspec

from core.answer.claims import DAY_MONTH, ISO_DATE, MONTHS, month_number
from core.answer.question import weekdays
from core.answer.words import plain, stem, tokens, words_of
from core.facts import holidays
from core.facts.types import Facts

_SLASHED = re.compile(r"\b(\d{1,2})[/.](\d{1,2})(?:[/.](\d{2}|\d{4}))?\b")
_YEAR = re.compile(r"\b(20\d{2})\b")
_MONTH_FIRST = frozenset({"US", "PH", "PW", "FM", "MH"})
_LOOK_AHEAD_YEARS = 2
_WEEK = 7
# Days that people name though no calendar of public holidays has all of them, as month and day.
_CUSTOMARY = {
    "christmas eve": (12, 24),
    "christmas day": (12, 25),
    "christmas": (12, 25),
    "xmas": (12, 25),
    "xmas eve": (12, 24),
    "boxing day": (12, 26),
    "new year's eve": (12, 31),
    "new years eve": (12, 31),
    "new year eve": (12, 31),
    "new year's day": (1, 1),
    "new years day": (1, 1),
    "new year": (1, 1),
    "new years": (1, 1),
    "valentine's day": (2, 14),
    "halloween": (10, 31),
}
# Of public holidays what people leave out of their names.
_SHORT = ("thanksgiving",)
_ORDINALS = words_of(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth "
    "twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first"
)
_ORDINAL = re.compile(rf"\b({'|'.join(sorted(_ORDINALS, key=len, reverse=True))})(?= (?:of )?(?:{'|'.join(MONTHS)})\b)")
_EASTER = {"good friday": -2, "easter saturday": -1, "easter sunday": 0, "easter monday": 1, "easter": 0}


class Named(msgspec.Struct, frozen=True):
    """Days that a question names. `said` is its own name for one that has a name; `weekly`: every such weekday."""

    days: tuple[date, ...]
    said: str | None = None
    weekly: bool = False


def named_days(question: str, today: date, facts: Facts) -> Named | None:
    """The days that a question names as seen from `today`, or None where it names none.

    A date without a year is the next such date, today included. "Next Friday" is the Friday of the week after this one
    where this week's is still to come, since answers name the date they speak of.
    """
    text = _ORDINAL.sub(lambda match: str(_ORDINALS.index(match[1]) + 1), plain(question))
    for read in _READERS:
        if (found := read(text, today, facts)) is not None:
            return found
    return None


def _written(text: str, today: date, facts: Facts) -> Named | None:
    if match := ISO_DATE.search(text):
        return _checked(int(match[1]), int(match[2]), int(match[3]))
    year = int(match[1]) if (match := _YEAR.search(text)) else None
    if match := DAY_MONTH.search(text):
        day, month = (match[1], match[2]) if match[1] else (match[4], match[3])
        return _coming(month_number(month), int(day), today, year)
    if match := _SLASHED.search(text):
        first, second = int(match[1]), int(match[2])
        month, number = (first, second) if facts.country in _MONTH_FIRST else (second, first)
        given = None if match[3] is None else int(match[3]) % 100 + 2000
        return _coming(month, number, today, given)
    return None


def _holiday(text: str, today: date, facts: Facts) -> Named | None:
    words = " ".join(tokens(text))
    for name, (month, number) in sorted(_CUSTOMARY.items(), key=lambda pair: -len(pair[0])):
        if re.search(rf"\b{re.escape(' '.join(tokens(name)))}\b", words):
            found = _coming(month, number, today, None)
            return found and Named(found.days, said=_titled(name))
    for name, offset in sorted(_EASTER.items(), key=lambda pair: -len(pair[0])):
        if name in words:
            return Named((_after_easter(offset, today),), _titled(name))
    return _public_holiday(words, today, facts)


def _public_holiday(words: str, today: date, facts: Facts) -> Named | None:
    if facts.country is None:
        return None
    for year in range(today.year, today.year + _LOOK_AHEAD_YEARS):
        for day, names in sorted(holidays.of_year(facts.country, facts.region, year).items()):
            for name in names:
                plainly = " ".join(tokens(name))
                if day >= today and not name.endswith(holidays.OBSERVED) and _mentions(words, plainly):
                    return Named((day,), said=name)
    return None


def _mentions(words: str, name: str) -> bool:
    words, name = (" ".join(stem(word) for word in tokens(text.replace("st ", "saint "))) for text in (words, name))
    return name in words or any(stem(short) in words and stem(short) in name for short in _SHORT)


def _relative(text: str, today: date, facts: Facts) -> Named | None:  # noqa: ARG001 - one kind of reader
    if re.search(r"\bday after (tomorrow|tmrw)\b", text):
        return Named((today + timedelta(days=2),))
    if re.search(r"\b(tomorrow|tomorow|tommorow|tommorrow|tomorro|tmrw|tmr)\b", text):
        return Named((today + timedelta(days=1),))
    if re.search(r"\b(today|tonight|this (morning|afternoon|evening))\b", text):
        return Named((today,))
    return None


def _weekday(text: str, today: date, facts: Facts) -> Named | None:  # noqa: ARG001 - one kind of reader
    found = weekdays(text)
    if re.search(r"\bweekdays?\b", text) and not found:
        found = (0, 1, 2, 3, 4)
    if not found:
        return None
    coming = [today + timedelta(days=(day - today.weekday()) % _WEEK) for day in found]
    if re.search(r"\bnext\b", text) and len(coming) == 1:
        days = tuple(day + timedelta(days=_WEEK * (day.isocalendar()[1] == today.isocalendar()[1])) for day in coming)
        return Named(days)
    one_only = re.search(r"\b(this|coming)\b", text) is not None
    return Named(tuple(coming), weekly=not one_only)


def _coming(month: int, number: int, today: date, year: int | None) -> Named | None:
    if year is not None:
        return _checked(year, month, number)
    years = range(today.year, today.year + 9)  # a 29 February comes within eight years
    days = (found.days[0] for one in years if (found := _checked(one, month, number)))
    coming = next((day for day in days if day >= today), None)
    return None if coming is None else Named((coming,))


def _checked(year: int, month: int, number: int) -> Named | None:
    try:
        return Named((date(year, month, number),))
    except ValueError:
        return None


def _after_easter(offset: int, today: date) -> date:
    years = (today.year, today.year + 1)
    return next(day for year in years if (day := _easter(year) + timedelta(days=offset)) >= today)


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8)."""
    golden, century, rest = year % 19, year // 100, year % 100
    leap, skipped = century // 4, century % 4
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap - correction + 15) % 30
    weekday = (32 + 2 * skipped + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _titled(name: str) -> str:
    return " ".join(
        word.capitalize() for word in name.replace("xmas", "christmas").replace("new years", "new year's").split()
    )


_READERS: Sequence[Callable[[str, date, Facts], Named | None]] = (_written, _holiday, _relative, _weekday)
DAY_NAMES = frozenset(stem(word) for name in (*_CUSTOMARY, *_EASTER) for word in tokens(name)) | {
    stem(word) for word in ("bank", "holiday", "public", "day", *MONTHS, *_ORDINALS, *_SHORT)
}
