"""What a question asks: its kinds, what it is about, the days and the clock that it names."""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from core.answer.claims import (
    CLOCK,
    DAY_MONTH,
    DAY_OF_MONTH,
    DAYS,
    DAYS_AHEAD,
    FEAST_TIME,
    ISO_DATE,
    OF_MONTH,
    WEEK_ON,
    claims,
    day_index,
)
from core.answer.words import STOP, among, content, listed, one_slip, plain, stem, tokens, vocabulary

Kind = Literal[
    "price", "hours", "open_now", "duration", "staff", "address", "phone", "email", "website", "payment", "booking"
]  # fmt: skip

# Stems that say what is asked; every other word of a question says what it is about.
_KEYWORDS: Mapping[Kind, frozenset[str]] = {
    "price": vocabulary(
        "price prices pricing cost costs charge charges fee fees rate quid pound expensive cheap cheaper discount free"
    ),
    "hours": vocabulary("open opening close closing closed shut shuts hours hour"),
    "duration": vocabulary("long duration take takes minutes last lasts lasting"),
    "staff": vocabulary("staff team barber work works working employee stylist mechanic teach teaches owner manager"),
    "address": vocabulary("address located location find situated directions postcode based"),
    "phone": vocabulary("phone telephone number call ring whatsapp mobile"),
    "email": vocabulary("email e-mail mail"),
    "payment": vocabulary("pay payment card cards cash cheque visa mastercard amex contactless paypal"),
    "booking": vocabulary("book booking appointment reserve reservation appointments"),
}
_WORK_ON = (
    r"\b(do|are|will) (you|u|ya)( guys| lot| all)?( also| still| even)? work(ing)?( on| over| this| next| at| an?)* "
    r"(mon|tue|wed|thu|fri|sat|sun|weekend|bank|public|christmas|today|tomorrow)"
)
_PHRASES: tuple[tuple[str, Kind], ...] = (
    (r"\b(how|hw|hou|ow) (much|mch|muc|many (pounds|euros|dollars|quid))\b", "price"),
    (r"\bwhat (do|does|would|will)\b.*\bpay\b", "price"),
    (r"\bwhat('s| is| does|s)?\b.*\b(cost|price|charge)", "price"),
    (r"\b(how|what) (late|early)\b|\bwhat time\b.*\b(open|clos|shut|start)|\btill when\b", "hours"),
    (r"\bwhen\b.*\b(open|clos|shut)", "hours"),
    (r"\b(open|closed|shut)\b.*\b(now|right now|at the moment|currently)\b|\bnow\b.*\bopen\b", "open_now"),
    (r"^\W*((are|r) )?(you|u|ya|yall)( guys| lot| all)? (still |currently )?open( yet)?\W*$", "open_now"),
    (r"\bstill open\b", "open_now"),
    (r"^\W*(is|are) (the |your )?\w+ (still )?open( yet)?\W*$|^\W*open\W*$", "open_now"),
    (r"\bfree\b(?! (on|at|this|next|today|tomorrow|now|in|to|for an?|from|wi-?fi|parking)\b)", "price"),
    (r"\b(do|does|must|should|have to)\b.*\bpay\W*$", "price"),
    (r"\b(pay|costs?|charges?) less\b|\bdiscounts?\b|\b(reduced|special) (price|rate)s?\b", "price"),
    (r"\bstill open\b", "hours"),
    (r"\bwhen (are|will|is) (you|u|ya|the shop) (be )?back\b|\breopen|\blunch ?(break|closing)\b", "hours"),
    (_WORK_ON, "hours"),
    (r"\bhow long\b", "duration"),
    (r"^\W*((and|so|but|then|ok) )*(who|whos|who's)\b", "staff"),
    (r"\bwhere\b.*\b(are|r|is|find)\b.*\b(you|u|ya|shop|place|store|located|guys|salon|garage|cafe)\b", "address"),
    (r"^\W*(what|which) (street|road|avenue|square|area|town|city)\b", "address"),
    (r"\be-?mail\b", "email"),
    (r"\bweb ?(site|page|address)\b|\burl\b", "website"),
)  # fmt: skip
# Words that say nothing of what is asked, whatever it is.
POLITE = vocabulary(
    "um uh er erm hmm like so well quick question wondering wonder curious know today tonight tomorrow now currently "
    "moment right time date please cheers ta actually basically guess going go come coming start starts exactly "
    "roughly about around approximately total altogether sir madam bro dude folks love good morning afternoon evening "
    "guys lot next hear heard correct true suppose tomorow tmrw tommorow tommorrow"
)
# With them words that say something of a thing that is asked for: how it is, who offers it.
FILLERS = POLITE | vocabulary(
    "shop store place business day days week usual usually normally normal regular standard basic people offer "
    "provide service services customer less both serve speak"
)


class Asked(msgspec.Struct, frozen=True):
    """A question taken apart. `subject` are the stems that neither say what is asked nor fill; `days` 0 for Monday."""

    text: str
    kinds: frozenset[Kind]
    subject: tuple[str, ...]
    days: tuple[int, ...] = ()
    clock: int | None = None
    plural_day: bool = False


def ask(text: str) -> Asked:
    """Take a question apart."""
    lowered = plain(text)
    words = content(undated(text))
    kinds = {kind for kind, keys in _KEYWORDS.items() if any(listed(word, keys) for word in words)}
    kinds |= {kind for pattern, kind in _PHRASES if re.search(pattern, lowered)}
    if {"email", "website"} & kinds:
        kinds.discard("address")  # an "email address" is no place
    rest, things = _NUMBER_OF_THING.subn(" ", lowered)
    if things and not any(listed(word, _KEYWORDS["phone"]) for word in content(rest)):
        kinds.discard("phone")
    if asks_of_past(text):
        kinds -= {"hours", "open_now"}
    days = weekdays(text)
    times = [int(claim.value) for claim in claims(text) if claim.kind == "time"] if CLOCK.search(text) else []
    if any(claim.kind == "money" for claim in claims(text)):
        kinds.add("price")
    # A price is asked of something that may be named like another kind of question: "the works", "a phone case".
    saying: frozenset[Kind] = frozenset({"price"}) if "price" in kinds else frozenset(kinds)
    if {"hours", "open_now"} & kinds:
        words = [word for word in words if word != "night"]
    numbers = _OF_CODE.findall(lowered)
    subject = tuple(word for word in words if word in numbers or not _fills(word, saying))
    plural = _ANY_DAY.search(lowered) is not None
    return Asked(text, frozenset(kinds), subject, days, times[0] if times else None, plural)


def undated(text: str) -> str:
    """The text without the dates and months that it names: a date is nobody's name, and no thing that is asked for."""
    for pattern in _DATED:
        text = pattern.sub(" ", text)
    return text


def asks_of_past(text: str) -> bool:
    """Whether it is asked since when something is."""
    return _PAST.search(plain(text)) is not None


def compares(text: str) -> bool:
    """Whether it is asked how two things differ."""
    return _COMPARES.search(plain(text)) is not None


def keywords(kind: Kind) -> frozenset[str]:
    """The stems that ask for this kind."""
    return _KEYWORDS.get(kind, frozenset())


def weekdays(text: str) -> tuple[int, ...]:
    """The days of the week that a text names, misspelt ones too, in its order."""
    found: list[int] = []
    for word in tokens(text):
        if word in _DAY_WORDS:
            found.append(day_index(word))
        elif len(word) > 5 and word not in STOP:  # noqa: PLR2004 - monday is the shortest
            found += [index for index, day in enumerate(DAYS) if among(stem(word), (stem(day),)) and word[-1] in "ysa"]
        elif len(word) == 5 and word[-1] == "y":  # noqa: PLR2004 - a letter left out of the shortest: "fridy"
            found += [index for index, day in enumerate(DAYS) if len(day) == 6 and one_slip(word, day)]  # noqa: PLR2004
        if word in {"weekend", "weekends"}:
            found += [5, 6]
    return tuple(dict.fromkeys(found))


def _fills(word: str, kinds: frozenset[Kind]) -> bool:
    return _said(word, kinds) or _CLOCK.fullmatch(word) is not None or among(word, _DAY_STEMS)


def _said(word: str, kinds: frozenset[Kind]) -> bool:
    if listed(word, FILLERS) or word in "£$€¥" or word.isdigit():
        return True
    return any(listed(word, _KEYWORDS.get(kind, frozenset())) for kind in kinds)


_DATED = (ISO_DATE, DAY_MONTH, DAY_OF_MONTH, OF_MONTH, DAYS_AHEAD, FEAST_TIME, WEEK_ON)
_PAST = re.compile(r"\bwhen did\b|\b(have|has) (you|it|the \w+) been\b|\b(found|establish)ed\b")
_COMPARES = re.compile(
    r"\b(more|less|cheaper|dearer|pricier|costlier|longer|shorter|better)\b.*\bthan\b|\bdifference between\b|"
    r"\b(cheaper|cheapest|dearer)\b.*\bor\b|\bsame (price )?as\b|\bas much as\b"
)
# Of every week: "on Mondays", "on a Monday", "on Monday usually".
_ANY_DAY = re.compile(
    rf"\b(?:{'|'.join(DAYS)})s\b|\b(?:an?|any|every|each|most) (?:\w+ )?(?:{'|'.join(DAYS)})\b|"
    r"\b(?:usually|normally|generally|typically)\b"
)
_NUMBER_OF_THING = re.compile(
    r"\b(part|model|item|product|article|serial|order|reference|catalogue|batch|room) (number|no)\b"
)
# A number by itself may be a count or a price; with letters before it, it is what tells a code from the next.
_OF_CODE = re.compile(r"(?<=[a-z])-?(\d+)")
_CLOCK = re.compile(r"\d+(am|pm|st|nd|rd|th)?|am|pm")
_DAY_STEMS = frozenset(stem(day) for day in DAYS) | frozenset(stem(f"{day}s") for day in DAYS) | {"weekend", "weekday"}
_DAY_WORDS = frozenset(
    form for day in DAYS for form in (day, f"{day}s", day[:3], {"tue": "tues", "wed": "weds"}.get(day[:3], day[:3]))
) | {"thur", "thurs"} - {"sat", "sun"}
