"""Whether a sentence holds the kind of thing that a question asks for: an amount, a time, a day, a number, a place."""

import re
from collections.abc import Sequence

from core.answer.claims import CLOCK, MONTHS, NUMBER_WORD, NUMBER_WORDS, claims
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
    r"\b(free|no (?:\w+ )?(?:charge|fee)|complimentary|on the house|(?<!not )included|without charge|costs? nothing)\b",
    re.IGNORECASE,
)
LESS = re.compile(r"\b(discounts?|reductions?|concessions?|less|money off)\b", re.IGNORECASE)
REDUCED = re.compile(r"%|\b(per ?cent|half price|half the price|reduced|discounts?|cheaper|less)\b", re.IGNORECASE)
_ASKS_WHEN = re.compile(
    r"\b(which|what) (days?|times?|evenings?|mornings?|dates?)\b|^\W*(and )?when\b(?! i\b)", re.IGNORECASE
)
_WHEN = re.compile(
    r"\b(daily|weekly|monthly|every|weekends?|weekdays?|mornings?|evenings?|afternoons?|noon|before|after|until|till|"
    r"once|as soon|spring|summer|autumn|winter|always|any ?time|opening|closing|19\d\d|20\d\d)\b",
    re.IGNORECASE,
)
_MONTH = re.compile(r"\b(?:" + "|".join(month.title() for month in MONTHS) + r")\b")  # no "may" of a verb
_OPENS = re.compile(r"\b(open|clos|shut)", re.IGNORECASE)
_RATE = re.compile(
    r"(?<=[\d£$€] )(?:each )?(?:an?|per) (?:minute|hour|day|night|week|month|year)\b|\beach an? \w+", re.IGNORECASE
)
_NOW = re.compile(r"\b(today|tonight|tomorrow|now|straight away|right away|at once)\b", re.IGNORECASE)
_READY = re.compile(
    r"\b(walk[ -]?ins?|appointments?|book(ed|ing|ings)?|same day|notice|queue|today|tomorrow|always|"
    r"any ?time|express|in stock|without|order)\b",
    re.IGNORECASE,
)
_WAITING = re.compile(r"\bwhile (i|we) wait\b", re.IGNORECASE)
_WAITED = re.compile(r"\b(wait|waiting|notice)\b", re.IGNORECASE)
_NEARBY = re.compile(r"\b(nearby|near|close by|around here)\b", re.IGNORECASE)
_SOMEWHERE = re.compile(
    r"\b(minutes?|miles?|metres?|meters?|yards|km|corner|next (to|door)|opposite|street|road|lane|outside|station|"
    r"stops?|away|behind|near|nearby|nearest|next|round|village|town|across|square|on foot|walk)\b",
    re.IGNORECASE,
)
_HOW_OLD = re.compile(r"\bhow old\b", re.IGNORECASE)
_BOOKS = re.compile(r"\b(can|could|may|do|how|should|must) (i|we|you) (book|reserve)\b", re.IGNORECASE)
_BOOKED = re.compile(
    r"\b(book\w*|reserv\w*|appointments?|walk[ -]?ins?|first[ -]come|call|ring|phone|e-?mail|write|online|www|app|desk|"
    r"waiting list)\b|@|\d{5}",
    re.IGNORECASE,
)
_OWN = re.compile(r"\b(?:my|our) own\b", re.IGNORECASE)
_BROUGHT = re.compile(r"\b(?:own|bring|bringing|brought|provided?|corkage)\b", re.IGNORECASE)
_NEEDED = re.compile(
    r"^\W*(?:do|does|would|will|must|should)\b.{1,20}?\b(?:need|have)"
    r"(?: to (?:pay|bring|show|leave|give|wear|sign|have))? (?:an?|any|my|the|some) (\w+)",
    re.IGNORECASE,
)


def takes_verdict(text: str) -> bool:
    """Whether a yes or no may answer."""
    return _WH.match(text) is None and _YES_NO_FORM.search(text) is not None


def answers(asked: Asked, part: str) -> bool:
    """Whether a sentence holds the kind of thing that is asked for."""
    held = {claim.kind for claim in claims(part)}
    # "What does it cost for an hour" asks for no hours.
    of_opening = "price" not in asked.kinds or _OPENS.search(asked.text) is not None
    when = bool({"hours", "open_now"} & asked.kinds) and of_opening
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
        ("price" in asked.kinds, "money" in held or FREE.search(part) is not None or _is_less(asked, part)),
        (_ASKS_WHEN.search(asked.text) is not None, says_time(part)),
        (_NOW.search(asked.text) is not None and takes_verdict(asked.text), says_time(part) or _READY.search(part)),
        (_WAITING.search(asked.text) is not None, _SPAN.search(part) is not None or _WAITED.search(part) is not None),
        (_NEARBY.search(asked.text) is not None, _SOMEWHERE.search(part) is not None),
        (_HOW_OLD.search(asked.text) is not None, "number" in held or _SINCE.search(part) is not None),
        (_BOOKS.search(asked.text) is not None, _BOOKED.search(part) is not None),
        (_OWN.search(asked.text) is not None, _BROUGHT.search(part) is not None),
        (_NEEDED.search(asked.text) is not None, _names_needed(asked, part)),
        (when and bool(asked.days), _covers(part, asked.days) and says_when),
        (when, says_when),
        ("phone" in asked.kinds and not asked.subject, "phone" in held),
        ("email" in asked.kinds and not asked.subject, "email" in held),
        ("phone" in asked.kinds and _NUMBER.search(asked.text) is not None, "phone" in held),
        ("how long" in asked.text.lower(), "time" in held or _SPAN.search(part) is not None),
    )
    return all(there for asked_for, there in needed if asked_for)


def says_time(part: str) -> bool:
    """Whether a sentence says when, or how long something takes."""
    timed = any(claim.kind in {"time", "day", "date"} for claim in claims(part))
    return timed or any(pattern.search(_RATE.sub(" ", part)) for pattern in (_SPAN, _MONTH, _WHEN))


def wants_time(asked: Asked) -> bool:
    """Whether a day was named, or asked for: what says when belongs into the answer."""
    return bool(asked.days) or _ASKS_WHEN.search(asked.text) is not None


def asks_need(asked: Asked) -> bool:
    """Whether it is asked if something is needed for something: both must be known."""
    return _NEEDED.search(asked.text) is not None


def _is_less(asked: Asked, part: str) -> bool:
    return LESS.search(asked.text) is not None and REDUCED.search(part) is not None


def _names_needed(asked: Asked, part: str) -> bool:
    """Whether a sentence names what a visitor asks whether it is needed."""
    match = _NEEDED.search(asked.text)
    word = stem(plain(match[1])) if match is not None else ""
    return not among(word, asked.subject) or among(word, map(stem, tokens(part)))


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
