"""Passages to an answer without a model: the one or two sentences that say it, word for word, or nothing."""

import re
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from core.answer.claims import claims
from core.answer.question import Asked, ask
from core.answer.sentences import covers_day, day_clauses, sentences
from core.answer.words import STOP, among, stem, tokens

# Both are probabilities of `core.retrieval.similarity`: that the passage answers at all.
TRUSTED = 0.9
LEAST = 0.5
_PRONOUN = re.compile(r"^(it|they|he|she|this|that|these|those|his|her|their|its)\b", re.IGNORECASE)
_SHORT_WORDS = 3
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
    r"\b(act|pretend|roleplay) as\b|"
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
    covered: float


Closeness = Callable[[Sequence[str]], Sequence[float]]


def extract(question: str, passages: Sequence[PassageLike], closeness: Closeness | None = None) -> Extract | None:
    """The sentences that answer, or None when the passages do not say.

    `closeness` gives the cosine of each sentence to the question, where an embedder is at hand. The text is made of
    verbatim pieces of the passages, in their order.
    """
    asked = ask(question)
    split = [sentences(passage.content) for passage in passages]
    found = [
        candidate
        for number, passage in enumerate(passages)
        if passage.similarity >= LEAST
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
    whole = {stem(word) for part in parts if not is_instruction(part) for word in tokens(part)}
    in_passage = _share(asked, whole)
    if not _about(asked, in_passage, similarity):
        return []
    near = closeness(parts) if closeness is not None else [0.0] * len(parts)
    found: list[_Candidate] = []
    for at, part in enumerate(parts):
        if part.endswith("?") or is_instruction(part) or not _answers(asked, part):
            continue
        own = {stem(word) for word in tokens(part)}
        before = {stem(word) for word in tokens(parts[at - 1])} if at and parts[at - 1].endswith("?") else set()
        # What the heading or the question above asks, the sentence under it answers.
        covered = max(_share(asked, own), 0.9 * _share(asked, own | before))
        score = similarity + covered + 0.5 * in_passage + 0.5 * near[at] - 0.05 * at
        found.append(_Candidate(number, at, score, covered))
    return found


def _share(asked: Asked, words: set[str]) -> float:
    if not asked.subject:
        return 1.0
    return sum(among(word, words) for word in asked.subject) / len(asked.subject)


def _about(asked: Asked, share: float, similarity: float) -> bool:
    """Whether the passage is about what is asked: by its words, or by its meaning beyond doubt."""
    if "price" in asked.kinds:
        return share >= 0.5  # noqa: PLR2004 - a wrong price is worse than none
    return share >= 0.34 or similarity >= TRUSTED  # noqa: PLR2004 - one word of three


def _answers(asked: Asked, part: str) -> bool:
    """Whether a sentence holds the kind of thing that is asked for."""
    held = {claim.kind for claim in claims(part)}
    when = bool({"hours", "open_now"} & asked.kinds)
    says_when = "time" in held or re.search(r"\b(open|closed?|shut|day off)\b", part, re.IGNORECASE) is not None
    needed = (
        ("price" in asked.kinds, "money" in held or _FREE.search(part) is not None),
        (when and bool(asked.days), all(covers_day(part, day) for day in asked.days) and says_when),
        (when and not asked.subject, says_when),
        ("phone" in asked.kinds and not asked.subject, "phone" in held),
        ("email" in asked.kinds and not asked.subject, "email" in held),
        ("how long" in asked.text.lower(), "number" in held or "time" in held),
    )
    return all(there for asked_for, there in needed if asked_for)


def _text(asked: Asked, parts: Sequence[str], at: int) -> str:
    chosen = parts[at]
    if asked.days and {"hours", "open_now"} & asked.kinds and (clauses := day_clauses(chosen, asked.days)):
        return clauses
    if len([word for word in tokens(chosen) if word not in STOP or word in {"yes", "no"}]) <= _SHORT_WORDS:
        following = parts[at + 1] if at + 1 < len(parts) else ""
        return chosen if not following or is_instruction(following) else f"{chosen} {following}"
    previous = parts[at - 1] if at else ""
    if _PRONOUN.match(chosen) and previous and not previous.endswith("?") and not is_instruction(previous):
        return f"{previous} {chosen}"
    return chosen
