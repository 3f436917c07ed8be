"""Does the model really work? A wedged runner may still answer its health route, so a text is embedded."""

import asyncio

from pgvector import HalfVector

from core.errors import ModelUnavailable
from core.flight import Flight
from core.models.breaker import Breaker
from core.models.client import CLOSING, PROBE_TEXT, ModelClient
from core.models.identity import ModelIdentity
from core.models.text import Work, vector_key
from core.models.vectors import VectorCache

REMEMBERED_S = 2.0
LIKENESS = 0.99


class Probe:
    """An embedding made now, of a text whose vector is known from before; its outcome is remembered for 2 s.

    It goes past queue and circuit, so that a health check also finds a server that has come back.
    """

    def __init__(self, client: ModelClient, breaker: Breaker, cache: VectorCache, deadline_s: float) -> None:
        self._client = client
        self._breaker = breaker
        self._cache = cache
        self._deadline_s = deadline_s
        self._flight: Flight[ModelIdentity] = Flight(lambda: ModelUnavailable(CLOSING))
        self._outcome: ModelIdentity | ModelUnavailable | None = None
        self._until = 0.0

    async def result(self) -> ModelIdentity:
        """The model that answered. Raises ModelUnavailable when it did not, or with another vector than before."""
        now = asyncio.get_running_loop().time
        if self._outcome is None or now() > self._until:
            try:
                self._outcome = await self._flight.do("probe", self._ask, expires_at=now() + self._deadline_s)
            except TimeoutError:
                self._outcome = ModelUnavailable("the model did not answer in time")
            except ModelUnavailable as error:
                self._outcome = error
            self._until = now() + REMEMBERED_S
        if isinstance(self._outcome, ModelUnavailable):
            raise ModelUnavailable(self._outcome.detail) from self._outcome
        return self._outcome

    async def close(self) -> None:
        """End a probe in flight."""
        await self._flight.close()

    async def _ask(self) -> ModelIdentity:
        try:
            model, vector = await self._client.introduce()
        except Exception:
            self._breaker.failure()
            raise
        self._breaker.success()
        # A prefix that no text has, so that no question shares this entry.
        key = vector_key(model, Work("\0probe", PROBE_TEXT))
        known = self._cache.get(key, model.dimensions)
        if known is None:
            self._cache.remember(key, vector)
        elif _cosine(known, vector) < LIKENESS:
            raise ModelUnavailable("the model makes other vectors than it did before")
        return model


def _cosine(one: HalfVector, other: HalfVector) -> float:
    return sum(a * b for a, b in zip(one.to_list(), other.to_list(), strict=True))
