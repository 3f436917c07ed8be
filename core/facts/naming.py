"""Which prices a question's words name: in full, by what a name is of at least, or only in part."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import msgspec

from core.answer.words import STOP, among, same, stem, tokens
from core.facts.ages import ages_of
from core.facts.types import Price

# Words of a price's name that a question may leave out.
_SMALL = frozenset({"a", "an", "the", "and", "or", "of", "with", "for", "per", "in", "on", "to", "by", "from"})
_AFTER_HEAD = re.compile(r"[,(:;/]|\s[-\u2013\u2014]\s|\b(?:of|for|with|in|on|to|from|by|per|at|without|including)\b")
_JOINS = re.compile(r"\b(?:and|plus)\b|[&+,]")
# What is done to a thing, in words that mean the same.
_DOING = {
    "fix": "repair", "mend": "repair", "replacement": "replac", "swap": "replac", "rent": "hir", "rental": "hir",
}  # fmt: skip


class Match(msgspec.Struct, frozen=True):
    """A price of which a question has no word too many. `in_full`: a whole name of it is said; `by_head`: what it is.

    `variant_said`: so is the variant, or there is none.
    """

    price: Price
    in_full: bool
    by_head: bool
    variant_said: bool


def named(words: Sequence[str], prices: Sequence[Price], *, by_age: bool = False) -> list[Price]:
    """The prices that these words name.

    A name said in full goes before all others. Else that of which a price is must be said, the last word of its name:
    a beard trim is a trim, but a brake bleed is no brake. `by_age`: a variant that an age tells from the others need
    not be named.
    """
    found = matches(words, prices, by_age=by_age)
    in_full = [match for match in found if match.in_full]
    if sure := [match.price for match in in_full if match.variant_said]:
        return sure
    kinds = in_full if len(in_full) > 1 else [match for match in found if match.by_head or match.in_full]
    usual = {match.price.service for match in kinds if match.variant_said}
    return [match.price for match in kinds if match.variant_said or match.price.service not in usual]


def matches(words: Sequence[str], prices: Sequence[Price], *, by_age: bool = False) -> list[Match]:
    """The prices whose names account for every word."""
    if not words:
        return []
    return [match for one in prices if (match := _match(one, words, by_age=by_age)) is not None]


def of_age(one: Price) -> range | None:
    """The ages that a price is for."""
    return ages_of(one.variant) if one.variant else None


def vocabulary_of(prices: Sequence[Price]) -> frozenset[str]:
    """The stems of all names of these prices."""
    return frozenset(
        meaning(word)
        for one in prices
        for name in (one.service, one.variant or "", *one.also_called)
        for word in name_stems(name)
    )


def meaning(word: str) -> str:
    """The stem that stands for all that mean the same here."""
    return _DOING.get(word, word)


@lru_cache(maxsize=4096)
def name_stems(name: str) -> tuple[str, ...]:
    """The stems of a name, without words that a question may leave out."""
    return tuple(meaning(stem(word)) for word in tokens(name) if word not in _SMALL and word not in STOP)


def all_among(words: Sequence[str], others: Sequence[str]) -> bool:
    """Whether each of the words is one of the others."""
    return all(among(word, others) for word in words)


def _match(one: Price, words: Sequence[str], *, by_age: bool) -> Match | None:
    extra = () if by_age and of_age(one) else name_stems(one.variant or "")
    names = (one.service, *one.also_called)
    known = [*extra, *(word for name in names for word in name_stems(name))]
    best: Match | None = None
    for name in names:
        own = name_stems(name)
        said = _joined([meaning(word) for word in words], name)
        if not all_among(said, known) or not any(among(word, said) for word in own):
            continue
        in_full = all_among(own, said)
        # Of a variant one word tells it from the others: "large" of "large, 16 inch".
        variant_said = not extra or any(among(word, said) for word in extra)
        found = Match(one, in_full, name == one.service and _head_said(name, said), variant_said)
        if best is None or (found.in_full, found.by_head) > (best.in_full, best.by_head):
            best = found
    return best


def _head_said(name: str, said: Sequence[str]) -> bool:
    """Whether that is said of which a thing is; of what is sold together nothing may be left out."""
    own = name_stems(_AFTER_HEAD.split(name, maxsplit=1)[0])
    return bool(own) and _JOINS.search(name) is None and among(own[-1], said)


def _joined(words: Sequence[str], name: str) -> list[str]:
    """The words, written as the name writes them: "hair cut" as one, "ebike" as two."""
    own, parts = name_stems(name), [word for word in tokens(name) if word not in _SMALL]
    pairs = {stem(first + second): (first, second) for first, second in pairwise(parts)}
    joined: list[str] = []
    for word in words:
        if joined and any(same(joined[-1] + word, one) for one in own):
            joined[-1] += word
        elif word in pairs and word not in own:
            joined += [meaning(stem(part)) for part in pairs[word]]
        else:
            joined.append(word)
    return joined
