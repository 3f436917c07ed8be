"""One question of one shop, answered: from the cache when nothing has changed, else by model and database."""

from typing import Any, Literal, NamedTuple

import msgspec
from pgvector import HalfVector

from core.cache.disk import DiskCache
from core.cache.keys import question_key, search_key
from core.db.pool import Database
from core.db.search import Hit, search
from core.db.shops import ShopReader, ShopState
from core.errors import DatabaseUnavailable, ModelUnavailable
from core.flight import Flight
from core.knowledge.reach import is_of, reach
from core.models.gateway import Embedder
from core.models.text import normalise
from core.observe.trace import current_trace
from core.retrieval.answers import Answer, Answers
from core.retrieval.lens import Lens, Lenses
from core.retrieval.naming import without_names
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


class _View(NamedTuple):
    """How a shop is looked at: through the model that its vectors are of, by the gateway that has this model."""

    embedder: Embedder
    lens: Lens


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

    async def knows(self, shop_id: int) -> bool:
        """Whether there is such a shop. Raises DatabaseUnavailable."""
        return (await self._shops.read(shop_id)).exists

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
        # Past the model's capacity most questions are refused: that is to cost the database nothing.
        if self._embedder.is_full and self._needs_model(asked):
            _note_cache("miss")
            raise self._embedder.overloaded()
        state = await self._shops.read(asked.query.shop_id)
        if not state.passages:  # which one that is not there has none of, and one that was only named neither
            return NOTHING
        view = await self._view(state)
        key = self._key(asked, state, view)
        if view is not None and (kept := self.answers.get(key)) is not None:
            answer, place = kept
            _note_cache(place)
            return Found(answer.results_json, answer.count)
        _note_cache("miss")
        return await self._flight.do(key, lambda: self._find(asked, state, view))

    def _needs_model(self, asked: _Asked) -> bool:
        """Whether the model must be asked anew for an answer, as far as the shop of late and the caches tell."""
        state, model = self._shops.last_seen(asked.query.shop_id), self._embedder.known
        if state is None or not state.passages or state.model is None or model is None or not is_of(state.model, model):
            return False
        if self.answers.has_answered(asked.name):
            return False
        return not self._embedder.at_hand(without_names(asked.query.query, state.names))

    async def _find(self, asked: _Asked, state: ShopState, view: _View | None) -> Found:
        query = asked.query
        text = without_names(query.query, state.names)
        vector = None if view is None else await self._embed(view.embedder, view.lens, text)
        if vector is None:
            view = None
        hits = await search(
            self._database,
            state,
            model=None if view is None else view.lens.row,
            embedding=vector,
            query=text,
            in_full=query.query,
            category=query.category,
            limit=query.limit,
        )
        results = _judged(hits, LEXICAL if view is None else view.lens.calibration, query.threshold)
        answer = Answer.of(_encode(results), len(results))
        if view is None:
            return Found(answer.results_json, answer.count, degraded="embeddings")
        self.answers.put(self._key(asked, state, view), asked.name, answer)
        return Found(answer.results_json, answer.count)

    async def _view(self, state: ShopState) -> _View | None:
        """None where the model of the shop's vectors cannot be asked, or it has no vectors: words must do."""
        if state.model is None:
            return None
        try:
            embedder, model = await reach(self._embedder, state.model)
            return _View(embedder, await self._lenses.of(model, embedder))
        except ModelUnavailable:
            return None

    async def _embed(self, embedder: Embedder, lens: Lens, text: str) -> HalfVector | None:
        try:
            embedded = await embedder.embed_query(text)
        except ModelUnavailable:
            return None
        # Replaced while it embedded: the vector lies in another space than the shop's.
        return embedded.vector if is_of(lens.row, embedded.model) else None

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

    def _key(self, asked: _Asked, state: ShopState, view: _View | None) -> bytes:
        return search_key(question=asked.name, version=state.version, model="" if view is None else view.lens.name)


def _judged(hits: list[Hit], calibration: Calibration, threshold: float) -> list[Result]:
    judged = [(hit, _chance(hit, calibration)) for hit in hits]
    judged.sort(key=lambda pair: -pair[1])  # stable: only hits without vectors change their place
    return [
        Result(str(hit.id), hit.content, hit.category, chance, hit.source, hit.metadata)
        for hit, chance in judged
        if chance >= threshold
    ]


def _chance(hit: Hit, calibration: Calibration) -> float:
    # A score without a cosine is not on the model's scale.
    return similarity(hit.coverage, LEXICAL) if hit.cosine is None else similarity(hit.score, calibration)


def _note_cache(outcome: str) -> None:
    if (trace := current_trace.get()) is not None:
        trace.cache = outcome


_encode = msgspec.json.Encoder().encode
_results = msgspec.json.Decoder(tuple[Result, ...])
