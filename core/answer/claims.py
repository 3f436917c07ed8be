"""What a text claims that can be checked: prices, times, dates, days, numbers, names, addresses; written in one way."""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal

import msgspec

from core.answer.words import STOP, plain, stem, words_of

NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        words_of(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
            "sixteen seventeen eighteen nineteen twenty"
        )
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_DAY = (
    r"(mon|tue|tues|wed|weds|thu|thur|thurs|fri|sat|sun|mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|"
    r"saturdays?|sundays?)"
)
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|" + "|".join(MONTHS) + r")"
_MERIDIEM = r"([ap])\.?\s?m\b\.?"
_MONEY_UNIT = r"(?:£|\$|€|¥|pounds?|quid|gbp|dollars?|usd|euros?|eur|pence|cents?|p)"

URL = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"')]+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:/[^\s<>\"')]*)?", re.IGNORECASE
)
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
HANDLE = re.compile(r"(?<![\w.])@\w{2,}")
PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d ()/-]{5,}\d(?!\w)")
CLOCK = re.compile(
    rf"\b(\d{{1,2}})(?:[:.](\d{{2}}))?\s?{_MERIDIEM}|\b(\d{{1,2}}):(\d{{2}})\b|\b(noon|midday|midnight)\b",
    re.IGNORECASE,
)
OCLOCK = re.compile(r"\b(\d{1,2}|[a-z]+)\s+o'?clock\b", re.IGNORECASE)
RANGE_MERIDIEM = re.compile(
    r"\b(\d{1,2})(?:[:.](\d{2}))?\s*(?:-|to|until|till)\s*(?=\d{1,2}(?:[:.]\d{2})?\s?([ap])\.?\s?m)", re.IGNORECASE
)
WEEKDAY = re.compile(rf"\b{_DAY}\b", re.IGNORECASE)
WEEKDAY_RANGE = re.compile(rf"\b{_DAY}\s*(?:-|to|through|until|till)\s*{_DAY}\b", re.IGNORECASE)
DAY_MONTH = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\b|\b{_MONTH}\s+(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\b",
    re.IGNORECASE,
)
SLASHED = re.compile(r"(?<![\d/.])(?!24/7\b)(\d{1,2})([/.])(\d{1,2})(?:\2(\d{4}|\d{2}))?(?![\d/])")
DAY_OF_MONTH = re.compile(
    r"\b(?:on|for|by)(?: the)? (\d{1,2})(?:st|nd|rd|th)\b(?! of (?!next month|the month))", re.IGNORECASE
)
OF_MONTH = re.compile(
    rf"\b(?:in|of|during|until|till|since|this|next|last|all|early|late|mid|end of) {_MONTH}\b", re.IGNORECASE
)
DAYS_AHEAD = re.compile(
    r"\b(?:the )?(?:day )?after (?P<morrow>tomorrow)\b|"
    r"\bin (?P<count>\d{1,3}|a|one|two|three|four) (?P<unit>day|week)s?\b(?! on\b)",
    re.IGNORECASE,
)
FEAST_TIME = re.compile(r"\b(?:over|during|around|through(?:out)?)(?= (?:the )?(?:christmas|xmas)\b)", re.IGNORECASE)
WEEK_ON = re.compile(r"\b(?:in )?a week (?=on )|(?<=day) week\b", re.IGNORECASE)
ISO_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
MONTH = re.compile(rf"\b{_MONTH}\b", re.IGNORECASE)
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
NUMBER_WORD = re.compile(
    r"\b(" + "|".join(NUMBER_WORDS) + r")\b(?:[\s-](" + "|".join(list(NUMBER_WORDS)[1:10]) + r")\b)?", re.IGNORECASE
)
MONEY_AFTER = re.compile(rf"^\s?{_MONEY_UNIT}(?![a-z])", re.IGNORECASE)
NAME = re.compile(r"(?<![\w'\u2019.])[A-ZÀ-ÖØ-Þ][\w'\u2019-]*(?:\s+[A-ZÀ-ÖØ-Þ][\w'\u2019-]*)*")
_HOUR = re.compile(r"\d{1,2}")
_AROUND = 24  # letters before and after a claim that say what it is
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n\"“(•*-])\s*$")
_VERB = re.compile(
    r"^\s+(?:and\s+[A-Z]|is|was|are|were|has|had|does|did|can|will|would|works?|cuts?|charges?|costs?|says?|takes?|"
    r"offers?|runs?|owns?|starts?|handles?|speaks?|looks?|teaches|makes?|serves?|sells?)\b"
)
_OPENERS = STOP | frozenset(
    words_of(
        "today tomorrow tonight yesterday nobody nothing everybody everyone everything sorry unfortunately "
        "monday please booking parking payment prices price children customers walk-ins yes no "
        "ask call see visit try choose pick"
    )
)
Kind = Literal["url", "email", "phone", "time", "date", "day", "money", "number", "name"]


class Claim(msgspec.Struct, frozen=True):
    """One checkable thing: `value` is its one way of writing, `surface` how the text has it.

    A time is minutes after midnight, a date month and day, a day 0 for Monday, a phone number its digits. `bare` is a
    number that no unit follows: it may be meant as a price or a time.
    """

    kind: Kind
    value: str
    surface: str
    bare: bool = False


@lru_cache(maxsize=4096)
def claims(text: str) -> tuple[Claim, ...]:
    """All claims of a text, each place of it read once."""
    found: list[Claim] = []
    for pattern, read in _READERS:
        left, at = "", 0
        for match in pattern.finditer(text):
            values = read(match, text)
            found += values
            if values and pattern is not RANGE_MERIDIEM:
                left += text[at : match.start()] + " " * len(match[0])
                at = match.end()
        text = left + text[at:]
    return tuple(found)


def _before(match: re.Match[str], text: str) -> str:
    return text[max(0, match.start() - _AROUND) : match.start()]


def _after(match: re.Match[str], text: str) -> str:
    return text[match.end() : match.end() + _AROUND]


def _clock(match: re.Match[str], _: str) -> list[Claim]:
    hour, minute, half, plain_hour, plain_minute, word = match.groups()
    if word:
        return [Claim("time", str(0 if word.lower() == "midnight" else 720), match[0])]
    if plain_hour:
        return _time(int(plain_hour), int(plain_minute), match[0])
    if not 1 <= int(hour) <= 12:  # noqa: PLR2004 - hours of a half day
        return []
    return _time(int(hour) % 12 + (12 if half.lower() == "p" else 0), int(minute or 0), match[0])


def _time(hour: int, minute: int, surface: str) -> list[Claim]:
    if hour > 24 or minute > 59:  # noqa: PLR2004 - a clock
        return []
    return [Claim("time", str((hour * 60 + minute) % 1440), surface)]


def _ranged(match: re.Match[str], _: str) -> list[Claim]:
    # "9 - 5 pm" and "2-5pm": the first may be of either half of the day; it is read as the nearest before the second.
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3].lower()
    after = _HOUR.match(match.string, match.end())
    assert after is not None
    first = hour % 12
    if half == "p" and first < int(after[0]) % 12:
        first += 12
    return _time(first, minute, match[0].strip(" -to"))


def _oclock(match: re.Match[str], _: str) -> list[Claim]:
    number = NUMBER_WORDS.get(match[1].lower()) if not match[1].isdigit() else int(match[1])
    return [] if number is None else [Claim("number", str(number), match[0], bare=True)]


def day_index(word: str) -> int:
    """0 for Monday, of a weekday's name or abbreviation."""
    return next(index for index, day in enumerate(DAYS) if day[:3] == word[:3].lower())


def _weekday(match: re.Match[str], _: str) -> list[Claim]:
    # "sat" and "sun" in lower case are words of their own.
    if match[0] in {"sat", "sun", "wed"}:
        return []
    return [Claim("day", str(day_index(match[1])), match[0])]


def _weekdays(match: re.Match[str], _: str) -> list[Claim]:
    first, last = day_index(match[1]), day_index(match[2])
    count = (last - first) % 7
    return [Claim("day", str((first + offset) % 7), match[0]) for offset in range(count + 1)]


def month_number(word: str) -> int:
    """1 for January, of a month's name or abbreviation."""
    return next(index for index, month in enumerate(MONTHS, 1) if month[:3] == word[:3].lower())


def _day_month(match: re.Match[str], _: str) -> list[Claim]:
    day, month = (match[1], match[2]) if match[1] else (match[4], match[3])
    return [Claim("date", f"{month_number(month)}-{int(day)}", match[0])]


def _iso_date(match: re.Match[str], _: str) -> list[Claim]:
    return [Claim("date", f"{int(match[2])}-{int(match[3])}", match[0])]


def _number(match: re.Match[str], text: str) -> list[Claim]:
    try:
        value = _canonical(match[0])
    except InvalidOperation:
        return []
    before, after = _before(match, text).rstrip()[-1:], _after(match, text)
    unit = MONEY_AFTER.match(after)
    if before and before in "£$€¥":
        return [Claim("money", value, before + match[0])]
    if unit is not None:
        pence = unit[0].strip().lower() in {"p", "pence", "cent", "cents"}
        value = _canonical(str(Decimal(value) / 100)) if pence else value
        return [Claim("money", value, match[0] + unit[0])]
    return [Claim("number", value, match[0], bare=re.match(r"\s*-?[A-Za-z%°]", after) is None or _loose(after))]


def _loose(after: str) -> bool:
    return re.match(r"\s+(?:and|or|to|until|till|for|on|in|a|per|each|is|if|with|when|the)\b", after) is not None


def _canonical(digits: str) -> str:
    value = Decimal(digits.replace(",", ""))
    return str(value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize())


def _number_word(match: re.Match[str], text: str) -> list[Claim]:
    value = NUMBER_WORDS[match[1].lower()] + (NUMBER_WORDS[match[2].lower()] if match[2] else 0)
    # "one" is a pronoun as often as a number.
    if value <= 1:
        return []
    after = _after(match, text)
    if MONEY_AFTER.match(after) and not after.lstrip().lower().startswith("p "):
        return [Claim("money", str(value), match[0])]
    return [Claim("number", str(value), match[0], bare=_loose(after) or not re.match(r"\s*[a-z]", after))]


def _name(match: re.Match[str], text: str) -> list[Claim]:
    words = match[0].split()
    if _SENTENCE_START.search(_before(match, text)):
        single = len(words) == 1
        if single and not _VERB.match(_after(match, text)):
            return []
        if plain(words[0]) in _OPENERS:
            words = words[1:]
    # The number of a code, which is a claim of its own, leaves its hyphen.
    words = [word.rstrip("-") for word in words]
    kept = [word.removesuffix("'s").removesuffix("\u2019s") for word in words if plain(word) not in _OPENERS]
    return [Claim("name", stem(plain(word)), word) for word in kept if len(word) > 1]


def _simple(kind: Kind, write: Callable[[str], str]) -> "_Reader":
    return lambda match, _: [Claim(kind, write(match[0]), match[0])]


_Reader = Callable[[re.Match[str], str], list[Claim]]
_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (EMAIL, _simple("email", str.lower)),
    (URL, _simple("url", lambda url: re.sub(r"^https?://(www\.)?|[/.,]+$", "", url.lower()))),
    (HANDLE, _simple("url", str.lower)),
    (ISO_DATE, _iso_date),
    (RANGE_MERIDIEM, _ranged),
    (CLOCK, _clock),
    (OCLOCK, _oclock),
    (DAY_MONTH, _day_month),
    (PHONE, _simple("phone", lambda phone: re.sub(r"\D", "", phone))),
    (WEEKDAY_RANGE, _weekdays),
    (WEEKDAY, _weekday),
    (NUMBER, _number),
    (NUMBER_WORD, _number_word),
    (NAME, _name),
)
