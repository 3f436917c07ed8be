"""The gateway to the embedding model, which is all that functions know of it: cached, shared, batched, bounded."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import msgspec
from pgvector import HalfVector

from core.cache.behind import ByteStore
from core.errors import ModelAnswerUnusable, ModelOverloaded, ModelUnavailable, SettingsError
from core.models.breaker import Breaker
from core.models.client import REPLACED, ModelClient, Timeouts
from core.models.identity import ModelIdentity, Prefixes, prefixes_of
from core.models.job import BULK_TEXTS, Job, QueueState
from core.models.lane import Lane
from core.models.probe import Probe
from core.models.queue import CallQueue
from core.models.text import Work, vector_key, work_of
from core.models.vectors import VectorCache
from core.models.watch import IdentityWatch
from core.observe.trace import timed
from core.settings import Settings

BULK_DEADLINE_S = 60.0
STALLED_AT = 0.75  # of the deadline: who waits in line learns that the model hangs before their time is over
MOST_SIBLINGS = 4
LOOK_UPS_IN_A_ROW = 64  # about a millisecond in which nobody else is served


class Embedded(msgspec.Struct, frozen=True):
    """A unit vector, the model that made it, and whether it came from the cache."""

    vector: HalfVector
    model: ModelIdentity
    cached: bool


class Place(NamedTuple):
    """Where a model is: the server, the name it has there, and what it is given in front of texts."""

    url: str
    model: str
    prefixes: Prefixes


class GatewayState(msgspec.Struct, frozen=True):
    """The gateway as metrics show it; `hits` and `misses` count look-ups of vectors since the start."""

    queue: QueueState
    hits: int
    misses: int
    model: ModelIdentity | None


class Embedder:
    """Vectors of texts. Opens without the model server, recovers by itself, and answers from the cache meanwhile.

    Raises ModelUnavailable when the model cannot be asked or did not answer in time, ModelOverloaded when a text
    found the queue full or spent its time in it, InvalidRequest for a text without content.
    """

    def __init__(self, settings: Settings, place: Place, client: ModelClient, cache: ByteStore | None) -> None:
        self.place = place
        self._settings = settings
        self._siblings: dict[Place, Embedder] = {}
        self._client = client
        self._store = cache
        self._cache = VectorCache(cache)
        self._lane = Lane(settings.home / "run" / "model.lane")
        self._deadline_s = settings.embed_deadline_s
        breaker = Breaker()
        self._stall_s = stall_s = self._deadline_s * STALLED_AT
        self._watch = IdentityWatch(client, breaker, stall_s)
        self._queue: CallQueue[Embedded] = CallQueue(
            self._send, breaker=breaker, lane=self._lane, limit=settings.embed_queue, stall_s=stall_s
        )
        self._probe = Probe(client, breaker, self._cache, self._deadline_s)

    @classmethod
    async def open(cls, settings: Settings, cache: ByteStore | None, timeouts: Timeouts | None = None) -> Self:
        """Open the gateway for these settings; the model server is looked for in the background."""
        if settings.ollama_url is None:
            raise SettingsError("EDGE_OLLAMA_URL names no model server: start with `edge up`, or name one")
        prefixes = prefixes_of(settings.embed_model, settings.embed_query_prefix, settings.embed_document_prefix)
        place = Place(settings.ollama_url, settings.embed_model, prefixes)
        try:
            client = ModelClient(place.url, place.model, timeouts, prefixes)
        except ValueError as error:
            raise SettingsError(f"EDGE_OLLAMA_URL: {error}") from error
        embedder = cls(settings, place, client, cache)
        embedder._watch.look_again()
        return embedder

    @property
    def url(self) -> str:
        """The model server, as EDGE_OLLAMA_URL names one."""
        return self.place.url

    async def sibling(self, place: Place) -> "Embedder":
        """The gateway to a model elsewhere, over the same cache and lane; opened once, closed with this one."""
        if (known := self._siblings.pop(place, None)) is None:
            settings = msgspec.structs.replace(
                self._settings,
                ollama_url=place.url,
                embed_model=place.model,
                embed_query_prefix=place.prefixes.query,
                embed_document_prefix=place.prefixes.document,
            )
            known = await Embedder.open(settings, self._store)
        self._siblings[place] = known  # the one used last comes last
        if len(self._siblings) > MOST_SIBLINGS:
            await self._siblings.pop(next(iter(self._siblings))).close()
        return known

    async def close(self) -> None:
        """Answer all who wait (ModelUnavailable), end the calls, write what the cache does not have yet."""
        while self._siblings:
            await self._siblings.popitem()[1].close()
        await self._queue.close()
        await self._watch.close()
        await self._probe.close()
        await self._cache.flush()
        await self._client.close()
        self._lane.close()

    @property
    def state(self) -> GatewayState:
        """What waits, what runs, how the circuit stands."""
        return GatewayState(self._queue.state, self._cache.hits, self._cache.misses, self._watch.known)

    async def identity(self) -> ModelIdentity:
        """The model in use. Raises ModelUnavailable when none has been seen since the start."""
        return await self._identity(self._expiry(self._deadline_s))

    @property
    def known(self) -> ModelIdentity | None:
        """The model that was seen last, None before the first."""
        return self._watch.known

    @property
    def is_full(self) -> bool:
        """Whether a question is refused now (`overloaded`) unless it has its vector `at_hand`."""
        return self._queue.is_full(self._expiry(self._deadline_s))

    def overloaded(self) -> ModelOverloaded:
        """What to tell whoever is refused now."""
        return self._queue.overloaded()

    def at_hand(self, text: str) -> bool:
        """Whether a question's vector is kept, or on its way to somebody else."""
        if (model := self.known) is None:
            return False
        work = work_of(model, model.query_prefix, text)
        return self._queue.awaits(work) or vector_key(model, work) in self._cache

    def doubt(self) -> None:
        """The identity that was seen cannot be: the server lied, and is asked for it anew."""
        self._watch.forget()

    async def probe(self) -> ModelIdentity:
        """Ask the model for a vector now, past cache and queue. Remembered for 2 s; raises ModelUnavailable."""
        return await self._probe.result()

    async def embed_query(self, text: str) -> Embedded:
        """The vector of a question; interactive, within `embed_deadline_s`."""
        with timed("embedding"):
            expires_at = self._expiry(self._deadline_s)
            model = await self._identity(expires_at)
            work = work_of(model, model.query_prefix, text)
            vector = self._cache.get(vector_key(model, work), model.dimensions)
            if vector is not None:
                return Embedded(vector, model, cached=True)
            (embedded,) = await self._finish([self._queue.join(work, expires_at=expires_at)], expires_at)
            return embedded

    async def embed_documents(self, texts: Sequence[str], model: ModelIdentity | None = None) -> list[HalfVector]:
        """The vectors of passages, in order; bulk: small pieces, each of which gives way to questions.

        With `model` all of them are of that model, and of one model in any case: ModelUnavailable when it was
        replaced meanwhile. What was embedded before a failure is in the cache when the caller tries again.
        """
        with timed("embedding"):
            current = await self._identity(self._expiry(self._deadline_s))
            model = model or current
            works = await asyncio.to_thread(_works, model, texts)
            vectors = await self._look_up(works, model)
            missing = [work for work, vector in vectors.items() if vector is None]
            for piece in _pieces(missing):
                for work, embedded in zip(piece, await self._embed_piece(piece), strict=True):
                    if embedded.model.digest != model.digest:
                        raise ModelUnavailable("the embedding model was replaced while texts were embedded")
                    vectors[work] = embedded.vector
            return [vector for work in works if (vector := vectors[work]) is not None]

    async def _look_up(self, works: Sequence[Work], model: ModelIdentity) -> dict[Work, HalfVector | None]:
        found: dict[Work, HalfVector | None] = {}
        for place, work in enumerate(dict.fromkeys(works), 1):
            found[work] = self._cache.get(vector_key(model, work), model.dimensions)
            if place % LOOK_UPS_IN_A_ROW == 0:
                await asyncio.sleep(0)
        return found

    async def _embed_piece(self, piece: Sequence[Work]) -> list[Embedded]:
        jobs: list[Job[Embedded]] = []
        try:
            for work in piece:
                jobs.append(self._queue.join(work, bulk=True))  # noqa: PERF401 - joined jobs must be left, see below
        except BaseException:
            for job in jobs:
                job.leave()
            raise
        return await self._finish(jobs, self._expiry(BULK_DEADLINE_S))

    async def _finish(self, jobs: Sequence[Job[Embedded]], expires_at: float) -> list[Embedded]:
        late = False
        try:
            return [await job.result(expires_at) for job in jobs]
        except TimeoutError:
            late = True
            if any(job.call is None or expires_at - job.call.begun_at < self._stall_s for job in jobs):
                raise ModelOverloaded(
                    "the time ran out in the queue for the model", retry_after_s=self._queue.retry_after_s()
                ) from None
            raise ModelUnavailable("the model did not answer in time") from None
        finally:
            for job in jobs:
                job.leave(still_wanted=late and job.call is not None)

    async def _identity(self, expires_at: float) -> ModelIdentity:
        try:
            model = await self._watch.current(expires_at)
        except TimeoutError as error:
            raise ModelUnavailable("the model did not answer in time") from error
        self._watch.look_again()
        return model

    async def _send(self, works: list[Work]) -> Sequence[Embedded | Exception]:
        try:
            results = await self._embed(works)
        except ModelAnswerUnusable as error:
            if len(works) == 1:
                return [error]
            # One text that the model chokes on must not take its neighbours with it.
            return [outcome for work in works for outcome in await self._send([work])]
        for work, embedded in zip(works, results, strict=True):
            self._cache.remember(vector_key(embedded.model, work), embedded.vector)
        return results

    async def _embed(self, works: list[Work]) -> list[Embedded]:
        texts = [work.prefix + work.text for work in works]
        for _ in range(2):
            before = await self._watch.before()
            vectors = await self._client.embed(texts)
            model = await self._watch.after()
            if before is not None and before.digest == model.digest:
                if model.dimensions != vectors[0].dimensions():  # one digest has one length, here as in the database
                    raise ModelUnavailable("the model server answers with vectors of another length than its model has")
                return [Embedded(vector, model, cached=False) for vector in vectors]
        raise ModelUnavailable(REPLACED)

    @staticmethod
    def _expiry(seconds: float) -> float:
        return asyncio.get_running_loop().time() + seconds


def _works(model: ModelIdentity, texts: Sequence[str]) -> list[Work]:
    return [work_of(model, model.document_prefix, text) for text in texts]


def _pieces(works: Sequence[Work]) -> Iterator[Sequence[Work]]:
    for start in range(0, len(works), BULK_TEXTS):
        yield works[start : start + BULK_TEXTS]
