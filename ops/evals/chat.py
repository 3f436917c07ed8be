"""The verdict on an answer: right, "don't know", or wrong; a wrong one counts apart.

What an answer claims and its evidence lacks is invented, right or wrong.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from core.answer.claims import claims
from core.answer.grounding import ungrounded
from core.answer.question import ask
from core.answer.words import content, plain
from ops.evals.cases import Case, Expected

Verdict = Literal["right", "dont_know", "wrong"]
ENOUGH_WORDS = 0.6


class Given(msgspec.Struct, frozen=True):
    """An answer as it was given: whether it claims to know, whether it cites, and all that it could have known."""

    text: str
    known: bool
    cited: bool
    evidence: tuple[str, ...]


class Judged(msgspec.Struct, frozen=True):
    """A case, its answer, and the verdict; `invented` are claims of the answer that no evidence has."""

    question: str
    answer: str
    known: bool
    verdict: Verdict
    cited: bool
    invented: tuple[str, ...]


class Summary(msgspec.Struct, frozen=True, rename="camel"):
    """Counts over a file. `good` is the share of answers that are right or honestly unknown."""

    questions: int
    right: int
    dont_know: int
    wrong: int
    cited: int
    invented: int
    good: float


def judge(case: Case, given: Given) -> Judged:
    """The verdict on one answer."""
    invented = tuple(ungrounded(given.text, given.evidence)) if given.known else ()
    return Judged(case.question, given.text, given.known, _verdict(case, given), given.cited, invented)


def summarise(judged: Sequence[Judged]) -> Summary:
    """The counts of all verdicts."""
    verdicts = Counter(one.verdict for one in judged)
    answered = [one for one in judged if one.known]
    good = (verdicts["right"] + verdicts["dont_know"]) / len(judged)
    return Summary(
        questions=len(judged),
        right=verdicts["right"],
        dont_know=verdicts["dont_know"],
        wrong=verdicts["wrong"],
        cited=sum(one.cited for one in answered),
        invented=sum(bool(one.invented) for one in judged),
        good=round(good, 4),
    )


def _verdict(case: Case, given: Given) -> Verdict:
    if not given.known:
        return "right" if case.unknown else "dont_know"
    if any(plain(text) in plain(given.text) for text in case.forbid) or not case.expect:
        return "wrong"
    return "right" if all(_occurs(item, given.text) for item in case.expect) else "wrong"


def _occurs(item: Expected, said: str) -> bool:
    choices = [item] if isinstance(item, str) else item
    return any(plain(choice) in plain(said) or _says(choice, said) for choice in choices)


def _says(expected: str, said: str) -> bool:
    """Whether an answer says what is expected in other words: all its claims ("£24", "6 pm"), and most of its words."""
    told = claims(expected)
    if not told or ungrounded(expected, [said]):
        return False
    surfaces = {word for claim in told for word in content(claim.surface)}
    words = [word for word in ask(expected).subject if word not in surfaces]
    own = set(content(said))
    return sum(word in own for word in words) >= ENOUGH_WORDS * len(words)
