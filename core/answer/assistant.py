"""A visitor's message, answered: from typed facts, by the model where there is one, else in the passages' own words."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from core.answer.compose import asked_in, from_facts, from_like_names, from_passages
from core.answer.courtesy import asks_for_person, courtesy
from core.answer.events import (
    Answered,
    Event,
    Ground,
    Question,
    Rung,
    Source,
    Status,
    source_of,
    told,
)
from core.answer.offers import DECLINED, reply_to_offer, unknown, was_offered, way_to_person
from core.answer.orders import is_instruction
from core.answer.turn import FACTS_CATEGORY
from core.answer.writing import Writing
from core.cache.local import LocalCache
from core.errors import DatabaseUnavailable
from core.facts.answers import FactAnswer, StatedFacts
from core.facts.book import FactBook
from core.models.writer import Writer
from core.observe.trace import current_trace
from core.retrieval.searcher import Searcher, SearchQuery

RESULTS = 5  # looked at for an answer, however few its caller wants to be shown
QUERY_LETTERS = 2000
LEAST_LETTERS = 3
LEAST_SIMILARITY = 0.1  # an address is known by its form, even where no question is sure to mean it
FACTS_REMEMBERED_BYTES = 4 << 20
FACTS_BYTES = 16 << 10  # about what the facts of a shop take


class Assistant:
    """Answers for every shop; `writer` is the chat model, None without one, which is no degradation.

    `answer` raises DatabaseUnavailable when nothing is left to answer from, ModelOverloaded when too many wait for
    the embedding model. Close its iterator to leave: the model stops.
    """

    def __init__(self, searcher: Searcher, facts: FactBook, writer: Writer | None, *, deadline_s: float) -> None:
        self._searcher = searcher
        self._facts = facts
        self._writer = writer
        self._deadline_s = deadline_s
        self._last_facts: LocalCache[StatedFacts | None] = LocalCache(FACTS_REMEMBERED_BYTES)

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """The events of one answer; the last is an Answered."""
        yield Status("searching")
        ready = await self._prepare(question)
        if isinstance(ready, Ground) and self._writer is not None:
            writing = Writing(self._writer, ready, self._deadline_s)
            async with aclosing(writing.events()) as events:
                async for event in events:
                    yield _noted(event)
            if not writing.failed:
                return
            ready = _extracted(ready, writing.degraded)
        answer = _extracted(ready, ready.degraded) if isinstance(ready, Ground) else ready
        for event in told(answer):
            yield _noted(event)

    async def _prepare(self, question: Question) -> Answered | Ground:
        """The answer that needs no passages, else the ground for one that does."""
        reply = reply_to_offer(question.message) if question.offered or was_offered(question.history) else None
        if reply == "no":
            return Answered(DECLINED, "courtesy")
        if reply is None and (polite := courtesy(question.message)) is not None:
            return Answered(polite, "courtesy")
        asked = asked_in(question.message, question.history)
        if is_instruction(question.message) or (reply is None and len(asked.strip()) < LEAST_LETTERS):
            return _unknown(question)
        stated, of_now = await self._stated(question.shop_id)
        if reply == "yes" or asks_for_person(question.message, _names_in(stated)):
            return Answered(way_to_person(stated, waits=question.waits), "handoff", waits=question.waits)
        missing: Rung | None = None if of_now else "database"
        if (fact := from_facts(question.message, question.history, stated, question.now)) is not None:
            return _from_facts(fact, missing)
        found = await self._searcher.search(_query(question, asked))
        return Ground(question, asked, found.results, stated, missing or found.degraded, found.age_s)

    async def _stated(self, shop_id: int) -> tuple[StatedFacts | None, bool]:
        """The shop's facts and whether they are of now: without the database, those last seen here."""
        try:
            stated = await self._facts.stated(shop_id)
        except DatabaseUnavailable:
            return self._last_facts.get(shop_id), False
        self._last_facts.put(shop_id, stated, FACTS_BYTES)
        return stated, True


async def whole(events: AsyncGenerator[Event, None]) -> Answered:
    """The answer at the end of its events."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answered):
                return event
    raise AssertionError("every answer has an end")


def _query(question: Question, asked: str) -> SearchQuery:
    threshold = LEAST_SIMILARITY if question.threshold is None else question.threshold
    limit = max(RESULTS, question.limit)
    return SearchQuery(asked[:QUERY_LETTERS], question.shop_id, limit, threshold=threshold)


def _from_facts(fact: FactAnswer, degraded: Rung | None) -> Answered:
    source = Source(fact.text, FACTS_CATEGORY, 1.0, None)
    return Answered(fact.text, "facts", (source,), degraded, fact.as_of)


def _unknown(question: Question, degraded: Rung | None = None, age_s: float | None = None) -> Answered:
    return Answered(unknown(waits=question.waits), "unknown", (), degraded, None, age_s, question.waits)


def _names_in(stated: StatedFacts | None) -> list[str]:
    """The names of who works there."""
    return [] if stated is None else [person.name for person in stated.facts.staff]


def _extracted(ground: Ground, degraded: Rung | None) -> Answered:
    found = from_passages(ground.asked, ground.results, ground.stated)
    if found.kind == "unknown":
        if (like := from_like_names(ground.asked, ground.stated, ground.question.now)) is not None:
            return _from_facts(like, degraded)
        return _unknown(ground.question, degraded, ground.age_s)
    sources = tuple(source_of(ground.results[index]) for index in found.sources)
    return Answered(found.text, "extract", sources, degraded, None, ground.age_s)


def _noted(event: Event) -> Event:
    if isinstance(event, Answered) and event.degraded is not None and (trace := current_trace.get()) is not None:
        trace.degraded = event.degraded
    return event
