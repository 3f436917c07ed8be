"""Passages to an answer without a model: the one or two sentences that say it, word for word, or nothing."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal, Protocol

import msgspec

from core.answer.claims import claims
from core.answer.holding import FREE, answers, asks_need, is_by_form, says_time, takes_verdict, wants_time
from core.answer.orders import before_orders, is_order
from core.answer.priced import prices_it
from core.answer.question import Asked, ask, compares
from core.answer.sentences import day_clauses, sentences
from core.answer.words import LANGUAGE, among, content, reworded, stems, tokens, vocabulary

# Probabilities of `core.retrieval.similarity`: that the passage answers at all.
LEAST = 0.5
# Which share of what is asked a passage must name, given that probability: the less it names, the surer it must be.
ABOUT = ((0.66, LEAST), (0.5, 0.9), (0.33, 0.98), (0.0, 0.99))
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
# "Can I bring my dog?" is about the dog, "is there a tram nearby?" about the tram.
_LIGHT = vocabulary(
    "bring bringing use using get nearby near close around local go goes until till bot chatbot assistant"
)
_UP_TO = re.compile(r"\b(up to|until|till|within|before|at least|less than|as long as)\b", re.IGNORECASE)
_BEYOND = re.compile(
    r"^(later|after (that|this)|otherwise|beyond|less|if not|from then|however|except)\b", re.IGNORECASE
)
_DIFFERS = re.compile(r"\bdifference between\b", re.IGNORECASE)
_DIFFERENCE = vocabulary("difference between whats explain")
# What is sold is not what is bought, and one's own not the shop's: these must be named.
_DECISIVE = vocabulary("sell buy hire rent lend repair deliver collect teach ship own")
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
    joined: Literal["before", "after"] | None = None


Closeness = Callable[[Sequence[str]], Sequence[float]]


def extract(question: str, passages: Sequence[PassageLike], closeness: Closeness | None = None) -> Extract | None:
    """The sentences that answer, or None when the passages do not say.

    `closeness` gives the cosine of each sentence to the question, where an embedder is at hand. The text is made of
    verbatim pieces of the passages, in their order.
    """
    asked = _weighed(ask(reworded(question)))
    if not (asked.subject or asked.kinds):
        return None  # of nothing nothing is said
    passages = passages[:LOOKED_AT]
    split = [sentences(passage.content[:PASSAGE_LETTERS]) for passage in passages]
    if compares(question):
        return _side_by_side(asked, passages, split)
    found = [
        candidate
        for number, passage in enumerate(passages)
        if passage.similarity >= LEAST or any(is_by_form(asked, part) for part in split[number])
        for candidate in _candidates(asked, number, passage.similarity, split[number], closeness)
    ]
    if not found:
        return None
    best = max(found, key=lambda one: one.score)
    return Extract(_text(asked, split[best.passage], best), (best.passage,))


def _side_by_side(asked: Asked, passages: Sequence[PassageLike], split: Sequence[Sequence[str]]) -> Extract | None:
    """Of two things whose difference is asked for, the sentence, or the two, that speak of both."""
    words = [word for word in content(asked.text) if word not in _DIFFERENCE]
    if not _DIFFERS.search(asked.text) or len(words) < 2:  # noqa: PLR2004 - which of them is more, no sentence says
        return None
    for number, parts in enumerate(split):
        told = list(before_orders(parts)) if passages[number].similarity >= LEAST else []
        for text in (*told, *(f"{one} {two}" for one, two in pairwise(told))):
            if "?" not in text and all(among(word, _words(text)) for word in words):
                return Extract(text, (number,))
    return None


def _candidates(
    asked: Asked, number: int, similarity: float, parts: Sequence[str], closeness: Closeness | None
) -> list[_Candidate]:
    parts = list(before_orders(parts))
    whole = {word for part in parts for word in _words(part)}
    in_passage = _share(asked, whole)
    if not _worth(asked, whole, similarity) and not any(is_by_form(asked, part) for part in parts):
        return []
    near = closeness(parts) if closeness is not None else [0.0] * len(parts)
    found: list[_Candidate] = []
    heading: set[str] = set()
    before: set[str] = set()
    for at, part in enumerate(parts):
        own = set(_words(part))
        if part.endswith("?"):
            heading = before = own
            continue
        holds, joined = _holds(asked, parts, at, before, whole)
        if holds and not (_is_bare(asked) and heading and ask(" ".join(heading)).subject):
            above = heading if at and parts[at - 1].endswith("?") else set[str]()
            score = similarity + 0.5 * in_passage + 0.5 * near[at] - 0.05 * at
            score += _told(asked, part, own | before if _PRONOUN.match(part) else own, heading, above)
            found.append(_Candidate(number, at, score, joined))
        before = own
    return found


def _told(asked: Asked, part: str, said: set[str], heading: set[str], above: set[str]) -> float:
    """How much of the question a sentence says; what the question above it asks, it answers."""
    covered = max(_share(asked, said), 0.9 * _share(asked, said | heading))
    under = 0.25 * (_share(asked, heading) if above else 0)
    wording = content(asked.text)
    alike = 0.3 * sum(word in said | above for word in wording) / max(1, len(wording))
    return covered + under + alike + 0.3 * _pairs(asked, part) + _breadth(asked, part) + 0.1 * _topic(asked, part)


def _worth(asked: Asked, whole: set[str], similarity: float) -> bool:
    """Whether a passage is about what is asked, and names the words that decide."""
    decisive = asked.subject if asks_need(asked) else [word for word in asked.subject if word in _DECISIVE]
    return all(among(word, whole) for word in decisive) and _about(asked, _share(asked, whole), similarity)


def _holds(
    asked: Asked, parts: Sequence[str], at: int, before: set[str], whole: set[str]
) -> tuple[bool, Literal["before", "after"] | None]:
    """Whether a sentence holds what is asked for, and which of its neighbours it needs for that."""
    later = _when_after(asked, parts, at)
    named, takes_before = _priced(asked, parts[at], before, whole)
    holds = named and answers(asked, f"{parts[at]} {later}" if later else parts[at])
    return holds, "after" if later else "before" if takes_before else None


def _words(part: str) -> tuple[str, ...]:
    """The stems of a sentence as questions word them: who speaks Urdu speaks a language."""
    return (*stems(reworded(part)), "languag") if LANGUAGE.search(part) else stems(reworded(part))


def _weighed(asked: Asked) -> Asked:
    """What is asked without the words that any answer may leave out, where others say what it is about."""
    weighty = tuple(word for word in asked.subject if word not in _LIGHT)
    return msgspec.structs.replace(asked, subject=weighty or asked.subject)


def _when_after(asked: Asked, parts: Sequence[str], at: int) -> str:
    """The next sentence, where it says when the thing is of which this one only says that it is."""
    following = parts[at + 1] if at + 1 < len(parts) else ""
    if not following or following.endswith("?") or not wants_time(asked) or says_time(parts[at]):
        return ""
    goes_on = _PRONOUN.match(following) is not None or set(content(following)) & set(content(parts[at]))
    return following if goes_on and says_time(following) else ""


def _priced(asked: Asked, part: str, before: set[str], whole: set[str]) -> tuple[bool, bool]:
    if "price" not in asked.kinds or not asked.subject:
        return True, False
    return prices_it(asked, reworded(part), before, whole)


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


def _text(asked: Asked, parts: Sequence[str], best: _Candidate) -> str:
    at = best.at
    chosen = f"{parts[at]} {parts[at + 1]}" if best.joined == "after" else parts[at]
    if asked.days and {"hours", "open_now"} & asked.kinds and (clauses := day_clauses(chosen, asked.days)):
        return clauses
    previous = parts[at - 1] if at and not is_order(parts[at - 1]) else ""
    refers = _PRONOUN.match(chosen) or _ELSEWHERE.search(chosen) or best.joined == "before"
    if (_YES_NO.match(previous) and takes_verdict(asked.text)) or (refers and previous and not previous.endswith("?")):
        return f"{previous} {chosen}"
    following = parts[at + 1] if at + 1 < len(parts) and best.joined is None else ""
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
    if _UP_TO.search(chosen) and _BEYOND.match(following):
        return True
    free = "price" in asked.kinds and FREE.search(chosen) is not None
    return free and all(claim.kind != "money" for claim in claims(chosen)) and _CHARGED.search(following) is not None


def _needs_more(asked: Asked, chosen: str) -> bool:
    """Whether a sentence is too short to be the whole answer; a price, an hour or a number is whole."""
    count = len(tokens(chosen))
    return count <= _SHORT_WORDS or (
        count <= _BRIEF_WORDS and not {"price", "hours", "open_now", "phone"} & asked.kinds
    )
