"""What something costs and how long it takes: prices that account for every word of the question."""

import re
from collections.abc import Sequence

from core.answer.question import Asked, ask, compares, keywords
from core.answer.words import listed, plain, stem, tokens, vocabulary
from core.facts import wording
from core.facts.ages import WHOSE, ages_in, asks_for_asker
from core.facts.naming import all_among, meaning, name_stems, named, of_age
from core.facts.spans import spans_in
from core.facts.types import Day, Facts, Price
from core.facts.wanted import alike, loose_words, offered, wanted, words_of

_MOST = 8
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
_OFFERS = re.compile(r"^\W*(?:(?:and|so|hi|hello|hey|ok)\W+)*(?:do|can|could|will|would) (?:you|u|ya)(?: guys| lot)?"
                     r"(?: also| still| even)? (?P<verb>[a-z]+)\b")  # fmt: skip
_OFFERING = vocabulary("do offer have make sell stock provide")
_FOR_WHOM = re.compile(
    r"\bfor\b|\bpays?\b|\bless\b|\bdiscounts?\b|\bcheaper\b|\breduced\b|\bspecial\b|\bconcession|\b(?:price|rate)s?\W*$"
)


def price_answer(asked: Asked, facts: Facts, days: Sequence[Day] = ()) -> str | None:
    """The price that is asked for, on these days; several where it fits several; None for what is not listed."""
    if "price" not in asked.kinds or _asks_otherwise(asked):
        return None
    if compares(asked.text):
        return _said(_each(asked, facts), facts)
    if ages_in(asked.text):
        return for_ages(asked, facts, days)
    found = wanted(asked, facts) or _each(asked, facts)
    return _said(_on(days, found, facts), facts)


def for_ages(asked: Asked, facts: Facts, days: Sequence[Day] = ()) -> str | None:
    """The prices for the ages that a question names, and what it costs where their condition is not met."""
    words = [word for word in words_of(asked, facts) if word not in WHOSE]
    found = named(words, facts.prices, by_age=True) if words else [one for one in facts.prices if of_age(one)]
    services = {one.service for one in found}
    found += [one for one in facts.prices if of_age(one) and one.service in services and one not in found]
    if not any(of_age(one) for one in found):
        return None  # what an age has to do with it the facts do not say
    theirs = [one for age in ages_in(asked.text) for one in found if age in (of_age(one) or ())]
    services = {one.service for one in theirs or found}
    usual = [one for one in found if one.variant is None and one.service in services] if words else []
    sure = bool(theirs) and all(not one.days or (days and set(days) <= set(one.days)) for one in theirs)
    for_asker = asks_for_asker(asked.text) or not sure
    return _said(list(dict.fromkeys([*theirs, *(usual if for_asker else ())])), facts)


def variant_answer(asked: Asked, facts: Facts, days: Sequence[Day] = ()) -> str | None:
    """The prices for those whom the question names, where it names nothing else: "do pensioners pay less?"."""
    if "price" not in asked.kinds or compares(asked.text) or not _FOR_WHOM.search(plain(asked.text)):
        return None
    words = loose_words(asked, facts)
    if not words or spans_in(asked.text):
        return None  # for how long is not for whom
    found = [one for one in facts.prices if one.variant and all_among(words, name_stems(one.variant))]
    return _said(_on(days, found, facts), facts)


def offered_answer(asked: Asked, facts: Facts, days: Sequence[Day] = ()) -> str | None:
    """What is named and nothing else is asked of it: "beard trim?", "can I get one on Sunday?"; by its full name."""
    if asked.kinds - {"booking"}:
        return None
    if ages_in(asked.text):
        return for_ages(asked, facts, days)
    words = [word for word in loose_words(asked, facts) if not listed(word, _GETTING)]
    bare = len(tokens(asked.text)) <= len(words) + 1
    if not bare and not (days and _GETS.search(plain(asked.text))):
        return None if days else _offered(asked, facts)
    return _said(_on(days, offered(asked, facts, _GETTING), facts), facts)


def _offered(asked: Asked, facts: Facts) -> str | None:
    """Yes, with the price, to "do you do puncture repairs?" and "do you bleed brakes?"."""
    match = _OFFERS.search(plain(asked.text))
    if match is None or spans_in(asked.text):
        return None
    beside = _GETTING | _OFFERING
    verb = meaning(stem(match["verb"]))
    if verb not in _OFFERING and verb not in words_of(asked, facts, beside):
        return None
    told = _said(offered(asked, facts, beside), facts)
    return None if told is None else f"Yes. {told}"


def alike_answer(asked: Asked, facts: Facts) -> str | None:
    """The prices of things named like that which is asked for, and that there is none of just that."""
    if "price" not in asked.kinds or _asks_otherwise(asked) or compares(asked.text) or ages_in(asked.text):
        return None
    told = _said(alike(asked, facts), facts)
    return None if told is None else f"I know no price of just that. Our price list names: {told}"


def listed_answer(asked: Asked, facts: Facts) -> str | None:
    """All services, or all prices, where a question asks for nothing less."""
    text = plain(asked.text)
    if not facts.prices or len(facts.prices) > _MOST_LISTED or not _ALL.search(text) or asked.kinds - {"price"}:
        return None
    if any(not listed(word, _LISTING) for word in loose_words(asked, facts)):
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
    parts = [ask(part) for part in _SIDES.split(plain(asked.text))]
    sides = [wanted(part, facts, _COMPARING) for part in parts if words_of(part, facts, _COMPARING)]
    return [one for side in sides for one in side] if len(sides) > 1 and all(sides) else []


def duration_answer(asked: Asked, facts: Facts) -> str | None:
    """How long something takes, which the prices say."""
    if not re.search(r"\bhow long\b|\bhow many minutes\b|\bduration\b", plain(asked.text)):
        return None
    found = [price for price in wanted(asked, facts, keywords("duration")) if price.minutes is not None]
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
    """The prices in words; None where they are too many: of some that fit no few are told as if they were all."""
    return " ".join(wording.price(one, facts.currency) for one in found) if 0 < len(found) <= most else None
