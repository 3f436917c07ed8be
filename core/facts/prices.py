"""What something costs and how long it takes: prices that account for every word of the question."""

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from core.answer.question import FILLERS, Asked, ask, compares, keywords
from core.answer.words import among, listed, plain, same, stem, tokens, vocabulary
from core.facts import wording
from core.facts.ages import WHOSE, ages_in, ages_of, asks_for_asker
from core.facts.types import Day, Facts, Price

_MOST = 4
# Words of a price's name that a question may leave out.
_SMALL = frozenset({"a", "an", "the", "and", "or", "of", "with", "for", "per", "in", "on", "to", "by", "from"})


_UNIT = re.compile(r"\b(?:an?|per|each|every) (month|year|week|day|hour|night|person|head|piece|session)\b")
_MOST_LISTED = 40
_SIDES = re.compile(r"\b(?:than|and|plus|or|as|between)\b|[,&+]")
_COMPARING = vocabulary("more less cheaper dearer pricier difference between same much better which")
_GETS = re.compile(
    r"\b(can|could|may) (i|we) (get|have|book|buy|order|come|do|play)\b|\b(do|can) you (do|offer|have|make)\b"
)
_GETTING = vocabulary("get have book buy order come do play make want")
_ALL = re.compile(
    r"\b(what|which|list|all|your)\b.*\b(services?|treatments?|prices?|offers?|menu|do you (do|offer|have))\b|"
    r"\bprice ?list\b|^\W*(services|prices|menu)\W*$"
)
_LISTING = vocabulary("service services treatment treatments list all menu kind sort type offer everything full")
_BOOKED = vocabulary("book booking booked pay paying get")


class _Match(msgspec.Struct, frozen=True):
    price: Price
    used: int
    missing: int


def price_answer(asked: Asked, facts: Facts, days: Sequence[Day] = ()) -> str | None:
    """The price that is asked for, on these days; several where it fits several; None for what is not listed."""
    if "price" not in asked.kinds or _asks_otherwise(asked):
        return None
    if compares(asked.text):
        return _said(_each(asked, facts), facts)
    if ages_in(asked.text):
        return for_ages(asked, facts, days)
    found = _matching(asked, facts, frozenset()) or _each(asked, facts)
    return _said(_on(days, found, facts), facts)


def for_ages(asked: Asked, facts: Facts, days: Sequence[Day] = ()) -> str | None:
    """The prices for the ages that a question names, and what it costs where their condition is not met."""
    words = [word for word in _words(asked, frozenset()) if word not in WHOSE]
    named = _fitting(words, facts.prices, by_age=True) if words else [one for one in facts.prices if _ages(one)]
    services = {one.service for one in named}
    named += [one for one in facts.prices if _ages(one) and one.service in services and one not in named]
    if not any(_ages(one) for one in named):
        return None  # what an age has to do with it the facts do not say
    theirs = [one for age in ages_in(asked.text) for one in named if age in (_ages(one) or ())]
    services = {one.service for one in theirs or named}
    usual = [one for one in named if one.variant is None and one.service in services] if words else []
    sure = bool(theirs) and all(not one.days or (days and set(days) <= set(one.days)) for one in theirs)
    for_asker = asks_for_asker(asked.text) or not sure
    return _said(list(dict.fromkeys([*theirs, *(usual if for_asker else ())])), facts)


def variant_answer(asked: Asked, facts: Facts, days: Sequence[Day] = ()) -> str | None:
    """The prices for those whom the question names, where it names nothing else: "do pensioners pay less?"."""
    if "price" not in asked.kinds or compares(asked.text):
        return None
    words = _words(asked, frozenset())
    found = [one for one in facts.prices if one.variant and words and _all_among(words, _stems(one.variant))]
    return _said(_on(days, found, facts), facts)


def offered_answer(asked: Asked, facts: Facts, days: Sequence[Day] = ()) -> str | None:
    """What is named and nothing else is asked of it: "beard trim?", "can I get one on Sunday?"; by its full name."""
    if asked.kinds - {"booking"}:
        return None
    if ages_in(asked.text):
        return for_ages(asked, facts, days)
    words = [word for word in _words(asked, frozenset()) if not listed(word, _GETTING)]
    bare = len(tokens(asked.text)) <= len(words) + 1
    if not words or not (bare or (days and _GETS.search(plain(asked.text)))):
        return None
    matches = [match for one in facts.prices if (match := _match(one, words)) is not None and not match.missing]
    return _said(_on(days, [match.price for match in matches], facts), facts)


def listed_answer(asked: Asked, facts: Facts) -> str | None:
    """All services, or all prices, where a question asks for nothing less."""
    text = plain(asked.text)
    if not facts.prices or len(facts.prices) > _MOST_LISTED or not _ALL.search(text) or asked.kinds - {"price"}:
        return None
    if any(not listed(word, _LISTING) for word in _words(asked, frozenset())):
        return None
    if "price" in asked.kinds:
        return _said(facts.prices, facts, _MOST_LISTED)
    return f"We offer: {wording.listed(list(dict.fromkeys(one.service for one in facts.prices)))}."


def _on(days: Sequence[Day], found: Sequence[Price], facts: Facts) -> list[Price]:
    """The prices, and the usual one of each that is not offered on these days."""
    off = [one for one in found if days and one.days and not set(days) & set(one.days)]
    usual = [one for one in facts.prices if one.variant is None and any(one.service == other.service for other in off)]
    return list(dict.fromkeys([*found, *usual]))


def _each(asked: Asked, facts: Facts) -> list[Price]:
    """The prices of several things that a question names side by side; none unless each has one."""
    found: list[Price] = []
    for part in _SIDES.split(plain(asked.text)):
        words = [word for word in _words(ask(part), frozenset()) if not listed(word, _COMPARING)]
        if not words:
            continue
        fitting = _fitting(words, facts.prices)
        if not fitting:
            return []
        found += fitting
    return found if len(found) > 1 else []


def _ages(one: Price) -> range | None:
    return ages_of(one.variant) if one.variant else None


def duration_answer(asked: Asked, facts: Facts) -> str | None:
    """How long something takes, which the prices say."""
    if not re.search(r"\bhow long\b|\bhow many minutes\b|\bduration\b", plain(asked.text)):
        return None
    found = [price for price in _matching(asked, facts, keywords("duration")) if price.minutes is not None]
    lines = [f"{wording.title(one)}: {one.minutes} minutes." for one in found[:_MOST]]
    return " ".join(lines) or None


def _asks_otherwise(asked: Asked) -> bool:
    """Questions with "how much" that ask for no price: notice, time, water, a fee for not coming."""
    return (
        re.search(
            r"\b(how much (notice|time|longer|earlier)|includ\w*|deposit|cancel\w*|discount|refund|vouchers?|gift)\b",
            plain(asked.text),
        )
        is not None
    )


def _said(found: Sequence[Price], facts: Facts, most: int = _MOST) -> str | None:
    return " ".join(wording.price(one, facts.currency) for one in found[:most]) or None


def _matching(asked: Asked, facts: Facts, also: frozenset[str]) -> list[Price]:
    words = _words(asked, also)
    return _fitting(words, facts.prices) if words else []


def _fitting(words: Sequence[str], prices: Sequence[Price], *, by_age: bool = False) -> list[Price]:
    """The prices that these words name; `by_age`: a variant that an age tells from the others need not be named."""
    matches = [match for one in prices if (match := _match(one, words, by_age=by_age)) is not None]
    if not matches:
        return []
    # Most of the question said, then least of the name left unsaid.
    best = min(matches, key=lambda match: match.missing)
    chosen = [match.price for match in matches if match.missing == best.missing]
    # Half a name is not enough to tell what was meant.
    return chosen if best.missing <= 1 or best.used > best.missing else []


def _words(asked: Asked, also: frozenset[str]) -> list[str]:
    units = {stem(unit) for unit in _UNIT.findall(plain(asked.text))}
    return [word for word in asked.subject if word not in units and not listed(word, also | FILLERS | _BOOKED)]


def _all_among(words: Sequence[str], others: Sequence[str]) -> bool:
    return all(among(word, others) for word in words)


def _match(one: Price, words: Sequence[str], *, by_age: bool = False) -> _Match | None:
    """How well a price's names fit; None unless they account for every word."""
    extra = [] if by_age and _ages(one) else _stems(one.variant or "")
    names = (one.service, *one.also_called)
    known = [*extra, *(word for name in names for word in _stems(name))]
    best: _Match | None = None
    for name in names:
        own = _stems(name)
        joined = _joined(words, own)
        if not _all_among(joined, known):
            continue
        used = sum(among(word, joined) for word in own)
        # Of a variant one word tells it from the others: "large" of "large, 16 inch".
        missing = len(own) - used + (bool(extra) and not any(among(word, joined) for word in extra))
        if used and (best is None or missing < best.missing):
            best = _Match(one, used, missing)
    return best


def _joined(words: Sequence[str], own: Sequence[str]) -> list[str]:
    """Two words of the question that the name writes as one: "hair cut"."""
    joined: list[str] = []
    for word in words:
        if joined and any(same(joined[-1] + word, one) for one in own):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


@lru_cache(maxsize=4096)
def _stems(name: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in tokens(name) if word not in _SMALL)
