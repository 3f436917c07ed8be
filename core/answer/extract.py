"""Passages to an answer without a model: the one or two sentences that say it, word for word, or nothing."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise, takewhile
from typing import Protocol

import msgspec

from core.answer.claims import CLOCK, NUMBER_WORD, NUMBER_WORDS, claims
from core.answer.question import Asked, ask, compares
from core.answer.sentences import covers_day, day_clauses, sentences
from core.answer.words import among, content, plain, stem, stems, tokens

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
_MOST_OF_A_WEEK = 4
_TODAY = re.compile(r"\b(now|today|tonight|tomorrow|tmrw|still|currently)\b", re.IGNORECASE)
_WHICH_DAYS = re.compile(r"\b(which|what) days?\b|\bwhen\b", re.IGNORECASE)
_NUMBER = re.compile(r"\bnumber\b", re.IGNORECASE)
_WHO = re.compile(r"^\W*(who|whos|who's)\b", re.IGNORECASE)
_PERSON = re.compile(r"\b(he|she|owner|manager|chef|team|staff|colleague|everyone|everybody|we)\b", re.IGNORECASE)
_ELSEWHERE = re.compile(r"\bthere\b(?! (is|are|was|were|will|has|have)\b)", re.IGNORECASE)
_PLACE = re.compile(r"\b\d{1,4}[a-z]?,? [A-Z][a-z]+|\b[A-Z][\w-]+ (Street|Road|Lane|Square|Avenue|Way|Place|Close)\b")
_SPAN = re.compile(
    r"\b(?:an?|half an?|few|couple of|\d+|" + "|".join(NUMBER_WORDS) + r")[\s-]*(?:working |business |full )?"
    r"(?:min|minute|hr|hour|day|night|week|month|year|second)s?\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(r"^(yes|no|of course|sure|sorry)\b.{0,20}[.!]$", re.IGNORECASE)
_VERDICT = re.compile(r"^(yes|no)\b", re.IGNORECASE)
# Questions to which no yes or no is an answer.
_WH = re.compile(
    r"^\W*(?:(?:and|so|but|hi|hello|hey|um|ok)\W+)*(when|where|who|how (?:many|long|late|early|often|old))\b",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(r"\bhow many (\w+)", re.IGNORECASE)
_CHARGED = re.compile(r"\b(charged?|pay|payable|price|costs?|fee|half|full)\b", re.IGNORECASE)
_FREE = re.compile(
    r"\b(free|no charge|complimentary|on the house|included|without charge|costs? nothing)\b", re.IGNORECASE
)
# Sentences that speak to whoever answers, not to whoever asks.
_INSTRUCTION = re.compile(
    r"\b(ignore|disregard|forget|override)\b.{0,40}\b(instructions?|rules?|above|previous|prior|prompts?|everything)\b|"
    r"\b(system|developer)\s*(prompt|message|:)|\b(assistant|chatbot|ai|language model|llm|gpt)\b.{0,60}\b(must|"
    r"should|always|never|say|tell|answer|reply|respond|reveal|pretend|you are)\b|"
    r"\byou are (now |an? )?(ai|assistant|chatbot|bot|dan)\b|"
    r"\b(always|only|never) (say|answer|reply|respond|tell)\b|"
    r"\b(tell|inform) (the |every |all )?(user|visitor|customer)s?\b|"
    r"\b(act|roleplay) as\b|\bpretend\b|\brepeat after me\b|^\s*(say|repeat|print|write)\s*[:'\"]|"
    r"\breveal\b.{0,30}\b(prompt|key|password|secret)|^\s*(user|assistant|system)\s*:|<\|",
    re.IGNORECASE,
)  # fmt: skip


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
        if passage.similarity >= LEAST or any(_structural(asked, part) for part in split[number])
        for candidate in _candidates(asked, number, passage.similarity, split[number], closeness)
    ]
    if not found:
        return None
    best = max(found, key=lambda one: one.score)
    return Extract(_text(asked, split[best.passage], best.at), (best.passage,))


def is_instruction(sentence: str) -> bool:
    """Whether a sentence gives orders to an assistant: no shop tells its visitors so."""
    return _INSTRUCTION.search(sentence) is not None


def _candidates(
    asked: Asked, number: int, similarity: float, parts: Sequence[str], closeness: Closeness | None
) -> list[_Candidate]:
    # What follows an order belongs to it.
    parts = list(takewhile(lambda part: not is_instruction(part), parts))
    whole = {stem(word) for part in parts for word in tokens(part)}
    in_passage = _share(asked, whole)
    if not _about(asked, in_passage, similarity) and not any(_structural(asked, part) for part in parts):
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
        if _answers(asked, part) and not (_is_bare(asked) and heading and ask(" ".join(heading)).subject):
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


def _answers(asked: Asked, part: str) -> bool:
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
        (bool(asked.days) and (_FREE.search(asked.text) or "price" in asked.kinds), _covers(part, asked.days)),
        (_HOW_MANY.search(asked.text) is not None, _counts(asked, part)),
        (_WH.match(asked.text) is not None, _VERDICT.match(part) is None),
        (bool(asked.days) and "day" in held and _WH.match(asked.text) is not None, _names_one(part, asked.days)),
        ("price" in asked.kinds, "money" in held or _FREE.search(part) is not None),
        (when and bool(asked.days), _covers(part, asked.days) and says_when),
        (when, says_when),
        ("phone" in asked.kinds and not asked.subject, "phone" in held),
        ("email" in asked.kinds and not asked.subject, "email" in held),
        ("phone" in asked.kinds and _NUMBER.search(asked.text) is not None, "phone" in held),
        ("how long" in asked.text.lower(), "time" in held or _SPAN.search(part) is not None),
    )
    return all(there for asked_for, there in needed if asked_for)


def _counts(asked: Asked, part: str) -> bool:
    """Whether the sentence has a number of what is asked how many there are of."""
    match = _HOW_MANY.search(asked.text)
    said = tokens(CLOCK.sub(" ", part))
    numbers = [at for at, word in enumerate(said) if word.isdigit() or NUMBER_WORD.fullmatch(word)]
    return match is not None and any(among(stem(plain(match[1])), map(stem, said[at + 1 : at + 4])) for at in numbers)


def _names_one(part: str, days: Sequence[int]) -> bool:
    return any(covers_day(part, day) for day in days)


def _covers(part: str, days: Sequence[int]) -> bool:
    return all(covers_day(part, day) for day in days)


def _structural(asked: Asked, part: str) -> bool:
    """Whether a question asks for a thing that is known by its form, and for nothing else, and the sentence has it."""
    if asked.subject:
        return False
    held = {claim.kind for claim in claims(part)}
    return (
        ("address" in asked.kinds and _PLACE.search(part) is not None)
        or ("phone" in asked.kinds and "phone" in held)
        or ("email" in asked.kinds and "email" in held)
    )


def _text(asked: Asked, parts: Sequence[str], at: int) -> str:
    chosen = parts[at]
    if asked.days and {"hours", "open_now"} & asked.kinds and (clauses := day_clauses(chosen, asked.days)):
        return clauses
    previous = parts[at - 1] if at and not is_instruction(parts[at - 1]) else ""
    refers = _PRONOUN.match(chosen) or _ELSEWHERE.search(chosen)
    if (_YES_NO.match(previous) and _WH.match(asked.text) is None) or (
        refers and previous and not previous.endswith("?")
    ):
        return f"{previous} {chosen}"
    following = parts[at + 1] if at + 1 < len(parts) else ""
    if following.endswith("?") or is_instruction(following):
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
    free = "price" in asked.kinds and _FREE.search(chosen) is not None
    return free and all(claim.kind != "money" for claim in claims(chosen)) and _CHARGED.search(following) is not None


def _needs_more(asked: Asked, chosen: str) -> bool:
    """Whether a sentence is too short to be the whole answer; a price, an hour or a number is whole."""
    count = len(tokens(chosen))
    return count <= _SHORT_WORDS or (
        count <= _BRIEF_WORDS and not {"price", "hours", "open_now", "phone"} & asked.kinds
    )
