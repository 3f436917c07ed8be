"""The prices that a question wants: those that its words name and that hold for the spans of time it names."""

import re
from collections.abc import Sequence

from core.answer.question import FILLERS, POLITE, Asked, keywords, undated, weekdays
from core.answer.words import content, listed, plain, stem, vocabulary
from core.facts.naming import all_among, matches, meaning, name_stems, named, vocabulary_of
from core.facts.spans import Span, meets, of_minutes, spans_in, without_spans
from core.facts.types import Facts, Price

_BOOKED = vocabulary("book booking booked pay paying get")
_PLACE = re.compile(r"\b(?:in|at|from) (?:(?:the|your|this|a) )?(?:shop|store|place|salon|studio|workshop)\b")
_WEEK = re.compile(r"\b(?:this|next) (?:week(?:end)?|month)\b")
_WITHOUT = re.compile(r"\b(?:without|except|excluding|instead of|rather than)\b")
_AMOUNT = re.compile(r"\d+(?:st|nd|rd|th|am|pm)?|am|pm|[£$€¥]")
_MONEY = re.compile(r"[£$€¥] ?\d+(?:[.,]\d+)?|\b\d+(?:[.,]\d+)? ?(?:pounds?|quid|euros?|dollars?|bucks)\b")
_DONE = re.compile(r"\bto (\w+)|\b(\w+ing)\b")  # "to store a bath"
_WHETHER_FREE = re.compile(r"\b(?:free|discount\w*)\b")


def wanted(asked: Asked, facts: Facts, also: frozenset[str] = frozenset()) -> list[Price]:
    """The prices that a question names, with no word left over; `also` are stems that say what is asked of them."""
    prices = facts.prices
    if _WITHOUT.search(plain(asked.text)) and not any(_WITHOUT.search(plain(_names(one))) for one in prices):
        return []
    spans = spans_in(asked.text)
    # What is free is one thing, not all that is called by the same word.
    look = in_full if _WHETHER_FREE.search(plain(asked.text)) else named
    if found := look(words_of(asked, facts, also), prices):
        return [one for one in found if _lasts(one, spans)]
    if spans:
        return [one for one in look(words_of(asked, facts, also, spans=False), prices) if meets(spans, _stated(one))]
    return in_full(loose_words(asked, facts, also), prices)


def in_full(words: Sequence[str], prices: Sequence[Price]) -> list[Price]:
    """The prices of which the words say a whole name."""
    return [one for one in named(words, prices) if any(_whole(name, words) for name in (one.service, *one.also_called))]


def offered(asked: Asked, facts: Facts, also: frozenset[str]) -> list[Price]:
    """The prices of which a question that asks for no price says a whole name."""
    return in_full(words_of(asked, facts, also), facts.prices) or in_full(loose_words(asked, facts, also), facts.prices)


def alike(asked: Asked, facts: Facts) -> list[Price]:
    """The prices in whose names every word of a question stands, whether or not they are what it asks for."""
    if _WHETHER_FREE.search(plain(asked.text)) or _WITHOUT.search(plain(asked.text)):
        return []
    spans = spans_in(asked.text)
    found = matches(words_of(asked, facts), facts.prices)
    if not found and spans:
        found = matches(words_of(asked, facts, spans=False), facts.prices)
    fitting = [match for match in found if not spans or not _stated(match.price) or meets(spans, _stated(match.price))]
    told_apart = {match.price.service for match in fitting if match.variant_said}
    return [one.price for one in fitting if one.variant_said or one.price.service not in told_apart]


def words_of(asked: Asked, facts: Facts, also: frozenset[str] = frozenset(), *, spans: bool = True) -> list[str]:
    """What a question says beside that it asks, of what, and when; a word that a price's name has is kept."""
    text = asked.text if spans else without_spans(asked.text)
    ours = vocabulary_of(facts.prices)
    return [word for word in _content(text) if not listed(word, also) and (word in ours or not _fills(word, POLITE))]


def loose_words(asked: Asked, facts: Facts, also: frozenset[str] = frozenset()) -> list[str]:
    """The same, without words that say how a thing is or who offers it: "regular", "service"; not what is done."""
    done = {stem(one or other) for one, other in _DONE.findall(plain(asked.text))}
    return [word for word in words_of(asked, facts, also) if not _fills(word, FILLERS - done)]


def _content(text: str) -> list[str]:
    for pattern in (_MONEY, _PLACE, _WEEK):
        text = pattern.sub(" ", plain(undated(text)))
    return [meaning(word) for word in content(text)]


def _fills(word: str, fillers: frozenset[str]) -> bool:
    known = any(listed(word, some) for some in (fillers, keywords("price"), _BOOKED))
    return known or _AMOUNT.fullmatch(word) is not None or bool(weekdays(word))


def _whole(name: str, words: Sequence[str]) -> bool:
    return bool(name_stems(name)) and all_among(name_stems(name), words)


def _lasts(one: Price, spans: frozenset[Span]) -> bool:
    """Whether a price whose names the question says is, as far as they tell, one for the time that it says."""
    own = spans_in(_names(one))
    return not spans or not own or meets(spans, own)


def _stated(one: Price) -> frozenset[Span]:
    minutes = frozenset() if one.minutes is None else frozenset({of_minutes(one.minutes)})
    return spans_in(_names(one)) or spans_in(one.note or "") | minutes


def _names(one: Price) -> str:
    return "; ".join((one.service, one.variant or "", *one.also_called))
