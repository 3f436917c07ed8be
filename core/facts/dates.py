"""The dates that a question names: "tomorrow", "next Friday", "25 December", "Boxing Day"."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import msgspec

from core.answer.claims import (
    DAY_MONTH,
    DAY_OF_MONTH,
    DAYS_AHEAD,
    FEAST_TIME,
    ISO_DATE,
    MONTHS,
    SLASHED,
    WEEK_ON,
    day_index,
    month_number,
)
from core.answer.question import weekdays
from core.answer.words import plain, stem, tokens, words_of
from core.facts import holidays
from core.facts.types import Facts

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
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4}
_IN_A_WHILE = re.compile(r"\bin (?:(half an)|(\d{1,3}|an?|one|two|three|four)) ?(minute|min|hour|hr)s?\b")
_PAST = re.compile(
    r"\b(yesterday|last (week|weekend|month|year|night|mon|tues?|wed|thurs?|fri|sat|sun)|ago)"
    r"(day|nesday|urday|rsday)?\b"
)
_NUMBERED_DAY = re.compile(
    r"\b(mon|tue|wed|thu|fri|sat|sun)(?:day|s|sday|nesday|r|rs|rsday|urday)?,? (?:the )?(\d{1,2})(?:st|nd|rd|th)\b"
)
_OTHER_DAY = re.compile(r"\b(the|next|following) day\b|\bday (after|before)\b")
_EASTER = {"good friday": -2, "easter saturday": -1, "easter sunday": 0, "easter monday": 1, "easter": 0}


class Named(msgspec.Struct, frozen=True):
    """Days that a question names. `said` is its own name for one that has a name; `weekly`: every such weekday.

    Without days it names some that are not there or not told: "30 February", "last Friday".
    """

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


def moment_named(question: str, now: datetime) -> tuple[datetime, str] | None:
    """The instant of "in 20 minutes", and the question without it."""
    text = plain(question)
    if (match := _IN_A_WHILE.search(text)) is None:
        return None
    count = 0.5 if match[1] else _COUNTS.get(match[2]) or int(match[2])
    unit = timedelta(hours=1) if match[3].startswith("h") else timedelta(minutes=1)
    return now + count * unit, f"{text[: match.start()]}{text[match.end() :]}".strip()


def _written(text: str, today: date, facts: Facts) -> Named | None:
    if match := ISO_DATE.search(text):
        # Of another century no shop states anything, and at the ends of the calendar no day has a neighbour.
        return _checked(*map(int, match.groups())) if _YEAR.match(match[1]) else Named(())
    year = int(match[1]) if (match := _YEAR.search(text)) else None
    if match := DAY_MONTH.search(text):
        day, month = (match[1], match[2]) if match[1] else (match[4], match[3])
        return _coming(month_number(month), int(day), today, year)
    if (match := SLASHED.search(text)) and not _is_clock(match):
        return _slashed(match, today, facts)
    if match := _NUMBERED_DAY.search(text):
        return _numbered(day_index(match[1]), int(match[2]), today)
    if match := DAY_OF_MONTH.search(text):
        return _of_month(int(match[1]), today, later="next month" in text)
    return None


def _is_clock(match: re.Match[str]) -> bool:
    """Whether it is "9.30": of a date with points the year is said, or that it is on that day."""
    return match[2] == "." and match[4] is None and not match.string[: match.start()].endswith(("on ", "the "))


def _slashed(match: re.Match[str], today: date, facts: Facts) -> Named:
    first, second = int(match[1]), int(match[3])
    year = None if match[4] is None else int(match[4]) % 100 + 2000
    month, number = (first, second) if facts.country in _MONTH_FIRST else (second, first)
    found = _coming(month, number, today, year)
    # Of which only one order is a date, that is meant: the answer names it.
    return found if found.days else _coming(number, month, today, year)


def _of_month(number: int, today: date, *, later: bool) -> Named:
    """The next day of this number, in a month that has it."""
    months = [(today.year + (today.month + ahead - 1) // 12, (today.month + ahead - 1) % 12 + 1) for ahead in range(3)]
    days = [day for year, month in months[later:] for day in _checked(year, month, number).days if day >= today]
    return Named(tuple(days[:1]))


def _numbered(weekday: int, number: int, today: date) -> Named:
    """The next day of this number, if it is that day of the week: else one of the two is wrong."""
    return Named(tuple(day for day in _of_month(number, today, later=False).days if day.weekday() == weekday))


def _holiday(text: str, today: date, facts: Facts) -> Named | None:
    words = " ".join(tokens(text))
    if FEAST_TIME.search(words):
        return Named(_christmas_time(today))
    for name, (month, number) in sorted(_CUSTOMARY.items(), key=lambda pair: -len(pair[0])):
        if re.search(rf"\b{re.escape(' '.join(tokens(name)))}\b", words):
            return Named(_coming(month, number, today, None).days, said=_titled(name))
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
    if _PAST.search(text):
        return Named(())
    if match := DAYS_AHEAD.search(text):
        return Named((today + timedelta(days=_days_ahead(match)),))
    if re.search(r"\b(tomorrow|tomorow|tommorow|tommorrow|tomorro|tmrw|tmr)\b", text):
        return Named((today + timedelta(days=1),))
    if re.search(r"\b(today|tonight|this (morning|afternoon|evening))\b", text):
        return Named((today,))
    # "The day after" is after one that somebody named before.
    return Named(()) if _OTHER_DAY.search(text) else None


def _days_ahead(match: re.Match[str]) -> int:
    if match["morrow"]:
        return 2
    return (_COUNTS.get(match["count"]) or int(match["count"])) * (_WEEK if match["unit"] == "week" else 1)


def _weekday(text: str, today: date, facts: Facts) -> Named | None:  # noqa: ARG001 - one kind of reader
    found = weekdays(text)
    if re.search(r"\bweekdays?\b", text) and not found:
        found = (0, 1, 2, 3, 4)
    if not found:
        return None
    coming = [today + timedelta(days=(day - today.weekday()) % _WEEK) for day in found]
    if WEEK_ON.search(text) and len(coming) == 1:
        return Named((coming[0] + timedelta(days=_WEEK),))
    if re.search(r"\bnext\b", text) and len(coming) == 1:
        days = tuple(day + timedelta(days=_WEEK * (day.isocalendar()[1] == today.isocalendar()[1])) for day in coming)
        return Named(days)
    one_only = re.search(r"\b(this|coming)\b", text) is not None
    return Named(tuple(coming), weekly=not one_only)


def _coming(month: int, number: int, today: date, year: int | None) -> Named:
    if year is not None:
        return _checked(year, month, number)
    years = range(today.year, today.year + 9)  # a 29 February comes within eight years
    days = (day for one in years for day in _checked(one, month, number).days if day >= today)
    return Named(tuple(day for day in (next(days, None),) if day is not None))


def _checked(year: int, month: int, number: int) -> Named:
    try:
        return Named((date(year, month, number),))
    except ValueError:
        return Named(())


def _christmas_time(today: date) -> tuple[date, ...]:
    eve = _coming(12, 24, today, None).days[0] if (today.month, today.day) > (1, 1) else date(today.year - 1, 12, 24)
    return tuple(day for ahead in range(9) if (day := eve + timedelta(days=ahead)) >= today)


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
