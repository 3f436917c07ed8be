"""Questions with their facts, and the verdict on an answer: right, "don't know", or wrong; a wrong one counts apart.

docs/answers.md describes the file. What an answer claims and its evidence lacks is invented, right or wrong.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from core.answer.grounding import ungrounded
from core.answer.words import plain

Verdict = Literal["right", "dont_know", "wrong"]


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A turn before the question."""

    role: Literal["user", "assistant"]
    content: str


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question and what its answer must say.

    `expect`: every item occurs in the answer; of an item that is a list, any. `forbid`: none occurs. `unknown`: not to
    know is right, and with nothing in `expect` nothing else is. `at`: the instant at which it is asked.
    """

    question: str
    history: tuple[Turn, ...] = ()
    expect: tuple[str | tuple[str, ...], ...] = ()
    forbid: tuple[str, ...] = ()
    unknown: bool = False
    at: datetime | None = None


class Given(msgspec.Struct, frozen=True):
    """An answer as it was given: its kind, how many sources it cites, and all that it could have known."""

    text: str
    kind: Literal["facts", "extract", "unknown"]
    cited: bool
    evidence: tuple[str, ...]


class Judged(msgspec.Struct, frozen=True):
    """A case, its answer, and the verdict; `invented` are claims of the answer that no evidence has."""

    question: str
    answer: str
    kind: str
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


class EvalError(Exception):
    """A file of cases cannot be read; the message names the line."""


def read_cases(path: Path) -> list[Case]:
    """The cases of a JSONL file; raises EvalError with the line of the first that breaks the format."""
    cases: list[Case] = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            cases.append(msgspec.json.decode(line, type=Case))
        except msgspec.MsgspecError as error:
            raise EvalError(f"{path}, line {number}: {error}") from error
        if cases[-1].at is not None and cases[-1].at.tzinfo is None:
            raise EvalError(f"{path}, line {number}: `at` needs a time zone")
    if not cases:
        raise EvalError(f"{path} has no questions")
    return cases


def judge(case: Case, given: Given) -> Judged:
    """The verdict on one answer."""
    invented = tuple(ungrounded(given.text, given.evidence)) if given.kind != "unknown" else ()
    return Judged(case.question, given.text, given.kind, _verdict(case, given), given.cited, invented)


def summarise(judged: Sequence[Judged]) -> Summary:
    """The counts of all verdicts."""
    verdicts = Counter(one.verdict for one in judged)
    answered = [one for one in judged if one.kind != "unknown"]
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
    if given.kind == "unknown":
        return "right" if case.unknown else "dont_know"
    said = plain(given.text)
    if any(plain(text) in said for text in case.forbid) or not case.expect:
        return "wrong"
    return "right" if all(_occurs(item, said) for item in case.expect) else "wrong"


def _occurs(item: str | Iterable[str], said: str) -> bool:
    choices = [item] if isinstance(item, str) else item
    return any(plain(choice) in said for choice in choices)
