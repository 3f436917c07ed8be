"""What something costs and how long it takes: prices that account for every word of the question."""

import re
from collections.abc import Sequence

import msgspec

from core.answer.question import FILLERS, Asked, keywords
from core.answer.words import among, listed, plain, same, stem, tokens, vocabulary
from core.facts import wording
from core.facts.types import Facts, Price

_MOST = 4
# Words of a price's name that a question may leave out.
_SMALL = frozenset({"a", "an", "the", "and", "or", "of", "with", "for", "per", "in", "on", "to", "by", "from"})


_UNIT = re.compile(r"\b(?:an?|per|each|every) (month|year|week|day|hour|night|person|head|piece|session)\b")
_BOOKED = vocabulary("book booking booked pay paying get")


class _Match(msgspec.Struct, frozen=True):
    price: Price
    used: int
    missing: int


def price_answer(asked: Asked, facts: Facts) -> str | None:
    """The price that is asked for; several where the question fits several; None for a service that is not listed."""
    if "price" not in asked.kinds or _asks_otherwise(asked):
        return None
    return _said(_matching(asked, facts, frozenset()), facts)


def variant_answer(asked: Asked, facts: Facts) -> str | None:
    """The prices for those whom the question names, where it names nothing else: "do pensioners pay less?"."""
    if "price" not in asked.kinds:
        return None
    words = _words(asked, frozenset())
    found = [one for one in facts.prices if one.variant and words and _all_among(words, _stems(one.variant))]
    return _said(found, facts)


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
            r"\b(how much (notice|time|longer|earlier)|deposit|cancel\w*|discount|refund|vouchers?|gift)\b",
            plain(asked.text),
        )
        is not None
    )


def _said(found: Sequence[Price], facts: Facts) -> str | None:
    return " ".join(wording.price(one, facts.currency) for one in found[:_MOST]) or None


def _matching(asked: Asked, facts: Facts, also: frozenset[str]) -> list[Price]:
    words = _words(asked, also)
    if not words:
        return []
    matches = [match for one in facts.prices if (match := _match(one, words)) is not None]
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


def _match(one: Price, words: Sequence[str]) -> _Match | None:
    """How well a price's names fit; None unless they account for every word."""
    extra = _stems(one.variant or "")
    best: _Match | None = None
    for name in (one.service, *one.also_called):
        own = _stems(name)
        joined = _joined(words, own)
        if not _all_among(joined, [*own, *extra]):
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


def _stems(name: str) -> list[str]:
    return [stem(word) for word in tokens(name) if word not in _SMALL]
