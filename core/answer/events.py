"""What happens while a message is answered: what it waits for, what it rests on, its text as it grows, the whole."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from core.answer.history import Turn
from core.facts.answers import StatedFacts
from core.retrieval.searcher import Result

Kind = Literal["facts", "written", "extract", "courtesy", "handoff", "human", "unknown"]
Rung = Literal["database", "embeddings", "llm"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A message to a shop, with what was said before. `now` is the instant at which it is asked.

    `offered`: the answer before it offered a person, which `history` need not tell; `waits`: the visitor asked for one.
    """

    message: str
    shop_id: int
    now: datetime
    history: Sequence[Turn] = ()
    limit: int = 3
    threshold: float | None = None
    offered: bool = False
    waits: bool = False


class Source(msgspec.Struct, frozen=True):
    """What an answer rests on: a passage, or typed facts in words, of which the category is "facts"."""

    content: str
    category: str | None
    similarity: float
    source: str | None


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is being done; `ahead` is how many of this process wait for the model before this one."""

    state: Literal["searching", "waiting", "writing"]
    ahead: int | None = None


class Sources(msgspec.Struct, frozen=True):
    """What the answer will rest on."""

    sources: tuple[Source, ...]


class Token(msgspec.Struct, frozen=True):
    """A piece of the answer's text; all of them joined are the text."""

    text: str


class Answered(msgspec.Struct, frozen=True):
    """The whole answer. `degraded` names what was missing, `as_of` when the facts in it last changed.

    `age_s` is how old the passages are that it rests on, when the database could not be asked; `waits` is that of the
    question: no person is to be offered; `unsure`: nobody could say whether a human has the conversation.
    """

    text: str
    kind: Kind
    sources: tuple[Source, ...] = ()
    degraded: Rung | None = None
    as_of: datetime | None = None
    age_s: float | None = None
    waits: bool = False
    unsure: bool = False

    @property
    def known(self) -> bool:
        """Whether it says anything but that it is not known."""
        return self.kind != "unknown"


Event = Status | Sources | Token | Answered


class Ground(msgspec.Struct, frozen=True):
    """What there is to answer from."""

    question: Question
    asked: str
    results: tuple[Result, ...]
    stated: StatedFacts | None
    degraded: Rung | None
    age_s: float | None


def source_of(result: Result) -> Source:
    """A passage as a source."""
    return Source(result.content, result.category, result.similarity, result.source)


def told(answer: Answered) -> list[Event]:
    """The events of an answer that is there as a whole."""
    grounds: list[Event] = [Sources(answer.sources)] if answer.sources else []
    return [*grounds, Token(answer.text), answer]
