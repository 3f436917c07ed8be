"""Whether a sentence holds the kind of thing that a question asks for: an amount, a time, a day, a number, a place."""

import re
from collections.abc import Sequence

from core.answer.claims import CLOCK, NUMBER_WORD, NUMBER_WORDS, claims
from core.answer.question import Asked, asks_of_past
from core.answer.sentences import covers_day
from core.answer.words import among, plain, stem, tokens

_MOST_OF_A_WEEK = 4
_TODAY = re.compile(r"\b(now|today|tonight|tomorrow|tmrw|still|currently)\b", re.IGNORECASE)
_WHICH_DAYS = re.compile(r"\b(which|what) days?\b|\bwhen\b", re.IGNORECASE)
_NUMBER = re.compile(r"\bnumber\b", re.IGNORECASE)
_WHO = re.compile(r"^\W*(who|whos|who's)\b", re.IGNORECASE)
_PERSON = re.compile(r"\b(he|she|owner|manager|chef|team|staff|colleague|everyone|everybody|we)\b", re.IGNORECASE)
_PLACE = re.compile(r"\b\d{1,4}[a-z]?,? [A-Z][a-z]+|\b[A-Z][\w-]+ (Street|Road|Lane|Square|Avenue|Way|Place|Close)\b")
_SPAN = re.compile(
    r"\b(?:an?|half an?|few|couple of|\d+|" + "|".join(NUMBER_WORDS) + r")[\s-]*(?:working |business |full )?"
    r"(?:min|minute|hr|hour|day|night|week|month|year|second)s?\b",
    re.IGNORECASE,
)
_VERDICT = re.compile(r"^(yes|no)\b", re.IGNORECASE)
# Questions to which no yes or no is an answer.
_WH = re.compile(
    r"^\W*(?:(?:and|so|but|hi|hello|hey|um|ok)\W+)*(when|where|who|how (?:many|long|late|early|often|old))\b",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(r"\bhow many (\w+)", re.IGNORECASE)
_YES_NO_FORM = re.compile(
    r"\b(is|are|am|do|does|did|can|could|will|would|should|must|may|have|has|what|whats|which|much|any)\b",
    re.IGNORECASE,
)
_SINCE = re.compile(r"\b(1[89]|20)\d\d\b|\b(since|ago|years?)\b", re.IGNORECASE)
_LATEST = re.compile(r"^\W*last\b|\b(the|your|is|are) last\b|\blatest\b", re.IGNORECASE)
_LATE = re.compile(r"\b(last|latest|final|until|till)\b", re.IGNORECASE)
FREE = re.compile(
    r"\b(free|no charge|complimentary|on the house|included|without charge|costs? nothing)\b", re.IGNORECASE
)


def takes_verdict(text: str) -> bool:
    """Whether a yes or no may answer."""
    return _WH.match(text) is None and _YES_NO_FORM.search(text) is not None


def answers(asked: Asked, part: str) -> bool:
    """Whether a sentence holds the kind of thing that is asked for."""
    held = {claim.kind for claim in claims(part)}
    when = bool({"hours", "open_now"} & asked.kinds)
    says_when = "time" in held or re.search(r"\b(open|closed?|shut|day off)\b", part, re.IGNORECASE) is not None
    days = sum(covers_day(part, day) for day in range(7)) if when else 0
    whose_days = "staff" in asked.kinds and (bool(asked.days) or _WHICH_DAYS.search(asked.text) is not None)
    needed = (
        # No passage knows what day it is: only the hours of the whole week answer.
        (when and not asked.days and _TODAY.search(asked.text) is not None, days >= _MOST_OF_A_WEEK),
        (when and any(claim.kind == "date" for claim in claims(asked.text)), "date" in held),
        (whose_days, "day" in held),
        (_WHO.match(asked.text) is not None, "name" in held or _PERSON.search(part) is not None),
        (bool(asked.days) and (FREE.search(asked.text) or "price" in asked.kinds), _covers(part, asked.days)),
        (_HOW_MANY.search(asked.text) is not None, _counts(asked, part)),
        (not takes_verdict(asked.text), _VERDICT.match(part) is None),
        (asks_of_past(asked.text) and _WH.match(asked.text) is not None, _SINCE.search(part) is not None),
        (_LATEST.search(asked.text) is not None, _LATE.search(part) is not None),
        (bool(asked.days) and "day" in held and _WH.match(asked.text) is not None, _names_one(part, asked.days)),
        ("price" in asked.kinds, "money" in held or FREE.search(part) is not None),
        (when and bool(asked.days), _covers(part, asked.days) and says_when),
        (when, says_when),
        ("phone" in asked.kinds and not asked.subject, "phone" in held),
        ("email" in asked.kinds and not asked.subject, "email" in held),
        ("phone" in asked.kinds and _NUMBER.search(asked.text) is not None, "phone" in held),
        ("how long" in asked.text.lower(), "time" in held or _SPAN.search(part) is not None),
    )
    return all(there for asked_for, there in needed if asked_for)


def _counts(asked: Asked, part: str) -> bool:
    """Whether the sentence has a number of what is asked how many there are of: not "two of" them."""
    match = _HOW_MANY.search(asked.text)
    said = tokens(CLOCK.sub(" ", part))
    numbers = [at for at, word in enumerate(said) if word.isdigit() or NUMBER_WORD.fullmatch(word)]
    counted = [said[at + 1 : at + 4] for at in numbers if said[at + 1 : at + 2] != ("of",)]
    return match is not None and any(among(stem(plain(match[1])), map(stem, after)) for after in counted)


def _names_one(part: str, days: Sequence[int]) -> bool:
    return any(covers_day(part, day) for day in days)


def _covers(part: str, days: Sequence[int]) -> bool:
    return all(covers_day(part, day) for day in days)


def is_by_form(asked: Asked, part: str) -> bool:
    """Whether a question asks for a thing that is known by its form, and for nothing else, and the sentence has it."""
    if asked.subject:
        return False
    held = {claim.kind for claim in claims(part)}
    return (
        ("address" in asked.kinds and _PLACE.search(part) is not None)
        or ("phone" in asked.kinds and "phone" in held)
        or ("email" in asked.kinds and "email" in held)
    )
