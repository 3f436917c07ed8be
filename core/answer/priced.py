"""Whether a price that a sentence states is the price of what is asked for, and not of its neighbour."""

import re
from collections.abc import Iterable

from core.answer.claims import claims
from core.answer.holding import FREE, LESS, REDUCED
from core.answer.question import Asked
from core.answer.words import STOP, among, plain, stem, stems, tokens, vocabulary

_PIECES = re.compile(r"[;,:]\s|\s(?:and|but|or|plus|while)\s|\s[\u2013\u2014-]\s", re.IGNORECASE)
_AMOUNT = re.compile(r"[£$€¥]\s?\d[\d.,]*|\d[\d.,]*\s?(?:[£$€¥]|pounds?|euros?|dollars?|pence|p)\b", re.IGNORECASE)
_UNIT = re.compile(r"^\s?(?:each )?(?:an?|per|the|/|for an?|for each|for one)\s?([a-z]+)", re.IGNORECASE)
# What comes after one of these says for whom, how long or with what; what stands before is what has the price.
_BEYOND = re.compile(r"\b(?:for|on|in|with|at|from|per|during|when|if|while|after|before|without|to)\b", re.IGNORECASE)
_PRONOUN = re.compile(r"^\W*(?:it|they|this|that|these|those|both|each|he|she)\b", re.IGNORECASE)
_INCLUDED = re.compile(r"\bincluded\b", re.IGNORECASE)
_EXTRAS = re.compile(r"\b(?:with|including|includes?)\b", re.IGNORECASE)
_UNLESS = re.compile(r"\b(?:if|when|while|once|as long as|for)\b", re.IGNORECASE)
_ONE = re.compile(r"\bones?\b", re.IGNORECASE)
_NO_PRICE = re.compile(
    r"\bhow much (?:notice|time|space|room|warning|luggage)\b|"
    r"\b(?:gluten|dairy|lactose|nut|sugar|alcohol|meat|egg|fat|smoke|step|toll|hands|stress|caffeine|duty)[ -]free\b",
    re.IGNORECASE,
)
_GETTING = re.compile(
    r"\b(?:to|i|we|can|could|you|they) (hire|rent|buy|get|have|take|book|order|use|go|make|do|join)\b", re.IGNORECASE
)
# A sentence about no more than these goes on about what the one before it was about.
_GENERIC = vocabulary(
    "place ticket session entry seat spot price cost fee charge rate person head adult child student member everybody "
    "everyone people guest customer visitor hour day night week month year half full minute other start extra only "
    "last take include material each usual normal standard total class course group family"
)
_COUNTED = vocabulary("head person each pay total altogether")
_TRADE = vocabulary("hire rent rental sale")


def prices_it(asked: Asked, part: str, before: Iterable[str], around: Iterable[str]) -> tuple[bool, bool]:
    """Whether a clause with a price names what is asked for, and whether only with the sentence before.

    `before` are the stems of the sentence or question above, `around` those of the whole passage.
    """
    if _NO_PRICE.search(asked.text):
        return True, False
    if LESS.search(asked.text) and REDUCED.search(part):
        return all(among(word, stems(part)) for word in asked.subject), False
    head, label = _head(asked), _label(part)
    context, passage = set(before), set(around)
    lacking: list[list[str]] = []
    for clause, elided in _priced_clauses(part):
        own = _stems_of(clause) | _numbers_of(clause) | elided | label
        unit = _unit_of(clause)
        own = own if any(among(word, own - unit) for word in head) else own - unit
        missing = [word for word in head if not among(word, own)]
        if not missing:
            return True, False
        if len(missing) < len(head) and all(word in _TRADE and among(word, passage) for word in missing):
            return True, True
        if _goes_on(clause, head) or (elided and _goes_on(part, head)):
            lacking.append(missing)
    with_before = any(all(among(word, context) for word in missing) for missing in lacking)
    return with_before, with_before


def _head(asked: Asked) -> list[str]:
    """The stems of what is to have a price: all that is asked of, up to what says for whom or with what."""
    getting = {stem(plain(match[1])) for match in _GETTING.finditer(asked.text)}
    words = [word for word in asked.subject if word not in getting | _COUNTED] or list(asked.subject)
    for piece in _BEYOND.split(asked.text):
        named = stems(piece)
        if head := [word for word in words if word in named]:
            return head
    return words


def _priced_clauses(part: str) -> list[tuple[str, set[str]]]:
    """The clauses of a sentence that carry a price or say that there is none, each with the words left out in it.

    "A single room is £40, a double £60": of the second clause "room" is left out. What follows the last price is no
    part of it: "it costs £30: two hot towels, a shave".
    """
    found: list[tuple[str, set[str]]] = []
    gathered = ""
    has_amount = _AMOUNT.search(part) is not None
    for piece in _PIECES.split(part):
        if has_amount and _INCLUDED.search(piece) and not _AMOUNT.search(piece):
            continue
        gathered = f"{gathered}, {_without_extras(piece)}" if gathered else _without_extras(piece)
        if _has_price(piece):
            found.append((gathered, _left_out(gathered, found)))
            gathered = ""
    return found


def _without_extras(piece: str) -> str:
    """A piece up to what comes with the amount that it states: "£15 with shoes" is no price of shoes."""
    amount, free = _AMOUNT.search(piece), FREE.search(piece)
    extras = _EXTRAS.search(piece, amount.end()) if amount is not None else None
    if amount is None and free is not None:
        extras = _UNLESS.search(piece, free.end())
    return piece if extras is None else piece[: extras.start()]


def _label(part: str) -> set[str]:
    """What a sentence says before a colon is what all of it is about."""
    label, colon, _ = part.partition(": ")
    return _stems_of(label) if colon else set()


def _left_out(clause: str, earlier: list[tuple[str, set[str]]]) -> set[str]:
    if not earlier or len(_stems_of(_AMOUNT.sub(" ", clause)) - _GENERIC - _unit_of(clause)) > 1:
        return set()
    return _stems_of(earlier[0][0])


def _has_price(piece: str) -> bool:
    return any(claim.kind == "money" for claim in claims(piece)) or FREE.search(piece) is not None


def _unit_of(clause: str) -> set[str]:
    """What the amount is for one of: "£20 a wheel" is not the price of a wheel."""
    units = (_UNIT.match(clause[match.end() :]) for match in _AMOUNT.finditer(clause))
    return {stem(plain(unit[1])) for unit in units if unit is not None}


def _goes_on(clause: str, head: Iterable[str]) -> bool:
    """Whether a clause is about what was spoken of before: "a hut is £78", not "a garden hut is £78"."""
    if _PRONOUN.match(clause) or _ONE.search(clause):
        return True
    amount = _AMOUNT.search(clause)
    said = _stems_of(clause[: amount.start()] if amount else clause)
    return all(word in _GENERIC or among(word, head) for word in said)


def _numbers_of(clause: str) -> set[str]:
    """The numbers of a clause that are no amounts: one of them may be a code's."""
    return {word for word in tokens(_AMOUNT.sub(" ", clause)) if word.isdigit()}


def _stems_of(text: str) -> set[str]:
    return {stem(word) for word in tokens(text) if word not in STOP and not word[0].isdigit() and word not in "£$€¥"}
