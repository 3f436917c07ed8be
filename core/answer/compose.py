"""An answer without a model: typed facts first, else the passages' own sentences, else that it is not known."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Literal

import msgspec

from core.answer.bounds import heard, visitor_turns
from core.answer.claims import claims
from core.answer.extract import PassageLike, extract, is_instruction
from core.answer.followup import readings, standalone
from core.answer.history import Turn
from core.answer.words import among, stems
from core.facts.answers import FactAnswer, StatedFacts, answer_for_whom
from core.facts.answers import answer as answer_from_facts
from core.facts.wording import everything

Kind = Literal["facts", "extract", "unknown"]
UNKNOWN = "I don't know that. Would you like me to pass your question on to a person at the shop?"


class Answer(msgspec.Struct, frozen=True):
    """What is said and on what ground: `sources` are indexes into the results, `as_of` when the facts last changed.

    "unknown": neither facts nor passages say; the caller offers a person.
    """

    text: str
    kind: Kind
    sources: tuple[int, ...] = ()
    as_of: datetime | None = None


def asked_in(question: str, history: Sequence[Turn]) -> str:
    """The question as it is searched for: stand-alone, from what the visitor said before."""
    return standalone(heard(question), visitor_turns(history))


def readings_of(question: str, history: Sequence[Turn]) -> list[str]:
    """All ways to read the question after what the visitor said before, `asked_in` first."""
    return readings(heard(question), visitor_turns(history))


def from_facts(question: str, history: Sequence[Turn], stated: StatedFacts | None, now: datetime) -> FactAnswer | None:
    """What the typed facts say to the likeliest reading of a question that they answer."""
    if stated is None or is_instruction(question):
        return None
    # Before any is understood generously, each is strictly: "a small one?" is a pizza, not all that is small.
    ways = readings_of(question, history)
    strictly = (answer_from_facts(reading, stated, now) for reading in ways)
    generously = (answer_for_whom(reading, stated, now) for reading in ways)
    return next((one for one in chain(strictly, generously) if one is not None), None)


def compose(
    question: str, history: Sequence[Turn], results: Sequence[PassageLike], stated: StatedFacts | None, now: datetime
) -> Answer:
    """Answer from what there is; `results` are those of a search for `asked_in(question, history)`, best first."""
    if is_instruction(question):
        return Answer(UNKNOWN, "unknown")
    if (fact := from_facts(question, history, stated, now)) is not None:
        return Answer(fact.text, "facts", as_of=fact.as_of)
    return from_passages(asked_in(question, history), results, stated)


def from_passages(asked: str, results: Sequence[PassageLike], stated: StatedFacts | None) -> Answer:
    """The passages' own sentences where they answer what is `asked_in` a question, else that it is not known."""
    evidence = [result.content for result in results] + ([] if stated is None else everything(stated.facts))
    if stranger(asked, evidence):
        return Answer(UNKNOWN, "unknown")
    found = extract(asked, results)
    return Answer(UNKNOWN, "unknown") if found is None else Answer(found.text, "extract", found.sources)


def stranger(question: str, evidence: Sequence[str]) -> bool:
    """Whether the question names somebody, or another business, of whom nothing is known here."""
    known = {word for piece in evidence for word in stems(piece)}
    names = [claim.value for claim in claims(_lowered_start(question)) if claim.kind == "name"]
    return any(not among(name, known) for name in names)


def _lowered_start(question: str) -> str:
    return question[:1].lower() + question[1:]
