"""One question of one shop, answered: from the cache when nothing has changed, else by model and database."""

from typing import Any, Literal

import msgspec

from core.cache.disk import DiskCache
from core.cache.keys import question_key, search_key
from core.db.pool import Database
from core.db.search import Hit, search
from core.db.shops import ShopReader, ShopState
from core.errors import DatabaseUnavailable, ModelUnavailable
from core.flight import Flight
from core.models.gateway import Embedded, Embedder
from core.models.text import normalise
from core.observe.trace import current_trace
from core.retrieval.answers import Answer, Answers
from core.retrieval.lens import Lens, Lenses
from core.retrieval.revision import revision
from core.retrieval.similarity import DEFAULT_THRESHOLD, LEXICAL, Calibration, similarity

Rung = Literal["embeddings", "database"]


class SearchQuery(msgspec.Struct, frozen=True):
    """A question to a shop: at most `limit` passages whose similarity is at least `threshold`."""

    query: str
    shop_id: int
    limit: int = 5
    category: str | None = None
    threshold: float = DEFAULT_THRESHOLD


class Result(msgspec.Struct, frozen=True):
    """A passage that was found; `similarity` is the estimated probability that it answers the question."""

    id: str
    content: str
    category: str | None
    similarity: float
    source: str | None
    metadata: dict[str, Any]


class Found(msgspec.Struct, frozen=True):
    """The answer to a search, best first. `results_json` is the array as it is sent.

    `degraded` names what was missing: without "embeddings" only words were compared, without the "database" this is
    the shop's last answer to the same question, `age_s` seconds old.
    """

    results_json: bytes
    count: int
    degraded: Rung | None = None
    age_s: float | None = None

    @property
    def results(self) -> tuple[Result, ...]:
        """The results, decoded anew at each call."""
        return _results.decode(self.results_json)


NOTHING = Found(b"[]", 0)


class _Asked(msgspec.Struct, frozen=True):
    """A question with its text normalised, and its name whatever the shop knows by now."""

    query: SearchQuery
    name: bytes


class Searcher:
    """Searches of every shop; `disk` is the cache that it shares with other processes, or None.

    Raises DatabaseUnavailable when the database is away and the question has no answer from before, ModelOverloaded
    when too many wait for the model, InvalidRequest for a question without content.
    """

    def __init__(self, database: Database, embedder: Embedder, disk: DiskCache | None) -> None:
        self._database = database
        self._embedder = embedder
        self._shops = ShopReader(database)
        self._lenses = Lenses(database, embedder)
        self._revision = revision()
        self._flight: Flight[Found] = Flight()
        self.answers = Answers(disk)

    @property
    def joined(self) -> int:
        """How many searches since the start were answered by an equal one that was under way."""
        return self._flight.joined

    async def close(self) -> None:
        """End what runs in the background and write what the disk cache does not have yet."""
        await self._lenses.close()
        await self.answers.flush()

    async def search(self, query: SearchQuery) -> Found:
        """Answer a question with what the shop knows when the call is made."""
        asked = self._ask(query)
        try:
            found = await self._search(asked)
        except DatabaseUnavailable:
            last = self.answers.last(asked.name)
            if last is None:
                raise
            _note_cache("stale")
            found = Found(last.results_json, last.count, degraded="database", age_s=last.age_s)
        if found.degraded is not None and (trace := current_trace.get()) is not None:
            trace.degraded = found.degraded
        return found

    async def _search(self, asked: _Asked) -> Found:
        state = await self._shops.read(asked.query.shop_id)
        if not state.exists:
            return NOTHING
        lens = await self._lens()
        key = self._key(asked, state, lens)
        if lens is not None and (kept := self.answers.get(key)) is not None:
            answer, place = kept
            _note_cache(place)
            return Found(answer.results_json, answer.count)
        _note_cache("miss")
        return await self._flight.do(key, lambda: self._find(asked, state, model_known=lens is not None))

    async def _find(self, asked: _Asked, state: ShopState, *, model_known: bool) -> Found:
        embedded = await self._embed(asked.query.query) if model_known else None
        lens = None if embedded is None else await self._lenses.of(embedded.model)
        query = asked.query
        hits = await search(
            self._database,
            state,
            model=None if lens is None else lens.row,
            embedding=None if embedded is None else embedded.vector,
            query=query.query,
            category=query.category,
            limit=query.limit,
        )
        results = _judged(hits, LEXICAL if lens is None else lens.calibration, query.threshold)
        answer = Answer.of(_encode(results), len(results))
        if lens is None:
            return Found(answer.results_json, answer.count, degraded="embeddings")
        self.answers.put(self._key(asked, state, lens), asked.name, answer)
        return Found(answer.results_json, answer.count)

    async def _lens(self) -> Lens | None:
        try:
            return await self._lenses.of(await self._embedder.identity())
        except ModelUnavailable:
            return None

    async def _embed(self, text: str) -> Embedded | None:
        try:
            return await self._embedder.embed_query(text)
        except ModelUnavailable:
            return None

    def _ask(self, query: SearchQuery) -> _Asked:
        query = msgspec.structs.replace(query, query=normalise(query.query))
        name = question_key(
            revision=self._revision,
            shop_id=query.shop_id,
            query=query.query,
            limit=query.limit,
            category=query.category,
            threshold=query.threshold,
        )
        return _Asked(query, name)

    def _key(self, asked: _Asked, state: ShopState, lens: Lens | None) -> bytes:
        return search_key(question=asked.name, version=state.version, model="" if lens is None else lens.name)


def _judged(hits: list[Hit], calibration: Calibration, threshold: float) -> list[Result]:
    judged = ((hit, similarity(hit.score, calibration)) for hit in hits)
    return [
        Result(str(hit.id), hit.content, hit.category, chance, hit.source, hit.metadata)
        for hit, chance in judged
        if chance >= threshold
    ]


def _note_cache(outcome: str) -> None:
    if (trace := current_trace.get()) is not None:
        trace.cache = outcome


_encode = msgspec.json.Encoder().encode
_results = msgspec.json.Decoder(tuple[Result, ...])
