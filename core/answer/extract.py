"""Passages to an answer without a model: the one or two sentences that say it, word for word, or nothing."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol

import msgspec

from core.answer.claims import claims
from core.answer.holding import FREE, answers, is_by_form, takes_verdict
from core.answer.orders import before_orders, is_order
from core.answer.question import Asked, ask, compares
from core.answer.sentences import day_clauses, sentences
from core.answer.words import among, content, stem, stems, tokens

# Probabilities of `core.retrieval.similarity`: that the passage answers at all.
LEAST = 0.5
# Which share of what is asked a passage must name, given that probability: the less it names, the surer it must be.
ABOUT = ((0.66, LEAST), (0.5, 0.95), (0.33, 0.98), (0.0, 0.99))
PRICE_ABOUT = 0.66
# Passages that are looked at, and letters of each: a caller may ask for a hundred of a hundred thousand.
LOOKED_AT = 10
PASSAGE_LETTERS = 10_000
PRICES_SURE = 0.9  # that a passage speaks of prices, where nothing is named
_PRONOUN = re.compile(r"^(it|they|he|she|this|that|these|those|his|her|their|its)\b", re.IGNORECASE)
_BEGINNING = 3
_SHORT_WORDS = 3
_BRIEF_WORDS = 11
_ELSEWHERE = re.compile(r"\bthere\b(?! (is|are|was|were|will|has|have)\b)", re.IGNORECASE)
_YES_NO = re.compile(r"^(yes|no|of course|sure|sorry)\b.{0,20}[.!]$", re.IGNORECASE)
_CHARGED = re.compile(r"\b(charged?|pay|payable|price|costs?|fee|half|full)\b", re.IGNORECASE)


class PassageLike(Protocol):
    """What was found: its text and the probability that it answers."""

    @property
    def content(self) -> str: ...
    @property
    def similarity(self) -> float: ...


class Extract(msgspec.Struct, frozen=True):
    """Sentences of passages, and which passages (indexes) they are of."""

    text: str
    sources: tuple[int, ...]


class _Candidate(msgspec.Struct, frozen=True):
    passage: int
    at: int
    score: float


Closeness = Callable[[Sequence[str]], Sequence[float]]


def extract(question: str, passages: Sequence[PassageLike], closeness: Closeness | None = None) -> Extract | None:
    """The sentences that answer, or None when the passages do not say.

    `closeness` gives the cosine of each sentence to the question, where an embedder is at hand. The text is made of
    verbatim pieces of the passages, in their order.
    """
    asked = ask(question)
    if compares(question) or not (asked.subject or asked.kinds):
        return None  # no sentence says how two things differ; and of nothing nothing is said
    passages = passages[:LOOKED_AT]
    split = [sentences(passage.content[:PASSAGE_LETTERS]) for passage in passages]
    found = [
        candidate
        for number, passage in enumerate(passages)
        if passage.similarity >= LEAST or any(is_by_form(asked, part) for part in split[number])
        for candidate in _candidates(asked, number, passage.similarity, split[number], closeness)
    ]
    if not found:
        return None
    best = max(found, key=lambda one: one.score)
    return Extract(_text(asked, split[best.passage], best.at), (best.passage,))


def _candidates(
    asked: Asked, number: int, similarity: float, parts: Sequence[str], closeness: Closeness | None
) -> list[_Candidate]:
    parts = list(before_orders(parts))
    whole = {stem(word) for part in parts for word in tokens(part)}
    in_passage = _share(asked, whole)
    if not _about(asked, in_passage, similarity) and not any(is_by_form(asked, part) for part in parts):
        return []
    near = closeness(parts) if closeness is not None else [0.0] * len(parts)
    found: list[_Candidate] = []
    heading: set[str] = set()
    before: set[str] = set()
    for at, part in enumerate(parts):
        own = {stem(word) for word in tokens(part)}
        if part.endswith("?"):
            heading = before = own
            continue
        if answers(asked, part) and not (_is_bare(asked) and heading and ask(" ".join(heading)).subject):
            said = own | before if _PRONOUN.match(part) else own
            # What the question above asks, the sentences under it answer.
            covered = max(_share(asked, said), 0.9 * _share(asked, said | heading))
            pairs = 0.3 * _pairs(asked, part)
            under = 0.25 * (_share(asked, heading) if heading and parts[at - 1].endswith("?") else 0)
            score = (
                similarity
                + covered
                + 0.5 * in_passage
                + 0.5 * near[at]
                + under
                + pairs
                + _breadth(asked, part)
                + 0.1 * _topic(asked, part)
                - 0.05 * at
            )
            found.append(_Candidate(number, at, score))
        before = own
    return found


def _is_bare(asked: Asked) -> bool:
    """Whether it says only what kind of thing is asked for: what stands under a question of another thing is not it."""
    return not asked.subject and not asked.days


def _pairs(asked: Asked, part: str) -> bool:
    """Whether two neighbours of the question are neighbours in the sentence: "quiet hour" is more than its words."""
    words = content(asked.text)
    said = content(part)
    return bool(set(pairwise(words)) & set(pairwise(said)))


def _topic(asked: Asked, part: str) -> bool:
    """Whether a sentence begins with what is asked: it speaks of that, and does not merely mention it."""
    return any(among(word, stems(part)[:_BEGINNING]) for word in asked.subject)


def _breadth(asked: Asked, part: str) -> float:
    """Asked for the hours and for no day, a sentence about the whole week says more than one about a day."""
    if asked.subject or asked.days or "hours" not in asked.kinds:
        return 0.0
    return 0.1 * len({claim.value for claim in claims(part) if claim.kind == "day"})


def _share(asked: Asked, words: set[str]) -> float:
    if not asked.subject:
        return 1.0
    return sum(among(word, words) for word in asked.subject) / len(asked.subject)


def _about(asked: Asked, share: float, similarity: float) -> bool:
    """Whether the passage is about what is asked: by its words, or by its meaning beyond doubt."""
    if "price" in asked.kinds and share < PRICE_ABOUT:
        # A wrong price is worse than none.
        return False
    if "price" in asked.kinds and not asked.subject:
        return similarity >= PRICES_SURE
    return any(share >= least and similarity >= sure for least, sure in ABOUT)


def _text(asked: Asked, parts: Sequence[str], at: int) -> str:
    chosen = parts[at]
    if asked.days and {"hours", "open_now"} & asked.kinds and (clauses := day_clauses(chosen, asked.days)):
        return clauses
    previous = parts[at - 1] if at and not is_order(parts[at - 1]) else ""
    refers = _PRONOUN.match(chosen) or _ELSEWHERE.search(chosen)
    if (_YES_NO.match(previous) and takes_verdict(asked.text)) or (refers and previous and not previous.endswith("?")):
        return f"{previous} {chosen}"
    following = parts[at + 1] if at + 1 < len(parts) else ""
    if following.endswith("?") or is_order(following):
        following = ""
    if following and (
        _needs_more(asked, chosen) or _adds(asked, chosen, following) or _limits(asked, chosen, following)
    ):
        return f"{chosen} {following}"
    if previous and not previous.endswith("?") and _adds(asked, chosen, previous):
        return f"{previous} {chosen}"
    return chosen


def _adds(asked: Asked, chosen: str, neighbour: str) -> bool:
    """Whether a neighbour says something of the question that the chosen sentence does not."""
    own, theirs = set(stems(chosen)), set(stems(neighbour))
    return any(among(word, theirs) and not among(word, own) for word in asked.subject)


def _limits(asked: Asked, chosen: str, following: str) -> bool:
    """Whether what is free is so only up to a point, and the next sentence says what it costs beyond."""
    free = "price" in asked.kinds and FREE.search(chosen) is not None
    return free and all(claim.kind != "money" for claim in claims(chosen)) and _CHARGED.search(following) is not None


def _needs_more(asked: Asked, chosen: str) -> bool:
    """Whether a sentence is too short to be the whole answer; a price, an hour or a number is whole."""
    count = len(tokens(chosen))
    return count <= _SHORT_WORDS or (
        count <= _BRIEF_WORDS and not {"price", "hours", "open_now", "phone"} & asked.kinds
    )
