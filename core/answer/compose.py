"""An answer without a model: typed facts first, else the passages' own sentences, else that it is not known."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from core.answer.bounds import heard, visitor_turns
from core.answer.claims import claims
from core.answer.extract import PassageLike, extract
from core.answer.followup import lacks_antecedent, readings, standalone
from core.answer.history import Turn
from core.answer.orders import is_instruction
from core.answer.parts import parts_of
from core.answer.question import POLITE
from core.answer.words import among, content, listed, stems
from core.facts.answers import FactAnswer, StatedFacts, answer_by_likeness, answer_for_whom
from core.facts.answers import answer as answer_from_facts
from core.facts.dates import named_days
from core.facts.spans import spans_in, without_spans
from core.facts.wording import everything

Kind = Literal["facts", "extract", "unknown"]
_NEXT_DAY = re.compile(r"\bday (?:after(?! tomorrow)|(before))\b|\b(?:next|following) day\b", re.IGNORECASE)
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


def from_facts(question: str, history: Sequence[Turn], stated: StatedFacts | None, now: datetime) -> FactAnswer | None:
    """What the typed facts say to the likeliest reading of a question that they answer."""
    if stated is None or is_instruction(question):
        return None
    turns = visitor_turns(history)
    parts = parts_of(heard(question))
    if len(parts) == 1:
        return _of_one(parts[0], turns, stated, now)
    found = [(part, _of_one(part, [*turns, *parts[:at]], stated, now)) for at, part in enumerate(parts)]
    known = [one for _, one in found if one is not None]
    if not known:
        return _of_one(heard(question), turns, stated, now)
    said = [one.text if one is not None else _unsaid(part) for part, one in found]
    said = [text for at, text in enumerate(said) if not any(text in before for before in said[:at])]
    return FactAnswer(" ".join(said), known[0].topic, known[0].as_of)


def _of_one(question: str, turns: Sequence[str], stated: StatedFacts, now: datetime) -> FactAnswer | None:
    if not turns and lacks_antecedent(question):
        return None
    if (dated := _other_day(question, turns, stated, now)) is not None:
        return answer_from_facts(dated, stated, now)
    # Before any is understood generously, each is strictly: "a small one?" is a pizza, not all that is small.
    ways = _readings(question, turns, stated, now)
    strictly = (answer_from_facts(reading, stated, now) for reading in ways)
    generously = (answer_for_whom(reading, stated, now) for reading in ways)
    return next((one for one in chain(strictly, generously) if one is not None), None)


def _readings(question: str, turns: Sequence[str], stated: StatedFacts, now: datetime) -> list[str]:
    """The ways to read a question; a word of an earlier one gives place to another only where that one was answered.

    Else it would lose the word that nothing is known of: "and half a day?" after a price of what is not for hire.
    """
    ways = readings(question, turns)
    if not turns or ways == [question]:
        return ways
    earlier = standalone(turns[-1], turns[:-1])
    if (other := _other_span(question, earlier)) is not None:
        return [other]
    if len(ways) == 1 or answer_from_facts(earlier, stated, now) or answer_for_whom(earlier, stated, now):
        return ways
    return ways[:1]


def _other_span(question: str, earlier: str) -> str | None:
    """The earlier question for the span of time that is all that this one names: "and for half a day?"."""
    rest = without_spans(question)
    if not spans_in(question) or any(not listed(word, POLITE) for word in content(rest)):
        return None
    return f"{without_spans(earlier).strip(' ?.!')} {question}"


def _unsaid(part: str) -> str:
    return f"About \u201c{part.strip(' ?!.')}\u201d I don't know; please ask that by itself."


def _other_day(question: str, turns: Sequence[str], stated: StatedFacts, now: datetime) -> str | None:
    """The question for the hours of "the day after" one that was asked for before."""
    if (match := _NEXT_DAY.search(question)) is None or not turns:
        return None
    today = now.astimezone(ZoneInfo(stated.facts.time_zone)).date()
    named = named_days(turns[-1], today, stated.facts)
    if named is None or len(named.days) != 1:
        return None
    return f"are you open on {named.days[0] + timedelta(days=-1 if match[1] else 1)}?"


def compose(
    question: str, history: Sequence[Turn], results: Sequence[PassageLike], stated: StatedFacts | None, now: datetime
) -> Answer:
    """Answer from what there is; `results` are those of a search for `asked_in(question, history)`, best first."""
    if is_instruction(question):
        return Answer(UNKNOWN, "unknown")
    if (fact := from_facts(question, history, stated, now)) is not None:
        return Answer(fact.text, "facts", as_of=fact.as_of)
    asked = asked_in(question, history)
    found = from_passages(asked, results, stated)
    if found.kind == "unknown" and (like := from_like_names(asked, stated, now)) is not None:
        return Answer(like.text, "facts", as_of=like.as_of)
    return found


def from_like_names(asked: str, stated: StatedFacts | None, now: datetime) -> FactAnswer | None:
    """Where neither facts nor passages know a price, those of what is called by the same words, each by its name."""
    if stated is None or lacks_antecedent(asked) or stranger(asked, everything(stated.facts)):
        return None
    return answer_by_likeness(asked, stated, now)


def from_passages(asked: str, results: Sequence[PassageLike], stated: StatedFacts | None) -> Answer:
    """The passages' own sentences where they answer what is `asked_in` a question, else that it is not known."""
    if lacks_antecedent(asked):
        return Answer(UNKNOWN, "unknown")
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
