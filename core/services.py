"""What a function works with, opened at its start and closed at its end."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

from core.cache.disk import DiskCache
from core.db.pool import Database
from core.facts.book import FactBook
from core.knowledge.learner import Learner
from core.models.gateway import Embedder
from core.observe.metrics import Metrics
from core.retrieval.searcher import Searcher
from core.settings import Settings

Part = Literal["answers", "searcher", "learner", "facts"]
MIB = 1024 * 1024


class Services:
    """The parts of one process. A part that its function did not ask for is an AttributeError: a defect."""

    settings: Settings
    database: Database
    vectors: DiskCache
    answers: DiskCache
    embedder: Embedder
    searcher: Searcher
    learner: Learner
    facts: FactBook

    def expose(self, metrics: Metrics) -> None:
        """Show queue, circuit and caches among the function's metrics."""
        gateway = self.embedder
        metrics.gauge("embed_waiting", "Questions that wait for the model", lambda: gateway.state.queue.interactive)
        metrics.gauge("embed_waiting_bulk", "Passages that wait for the model", lambda: gateway.state.queue.bulk)
        metrics.gauge("embed_in_flight", "Calls of the model in flight", lambda: gateway.state.queue.in_flight)
        metrics.gauge(
            "embed_circuit_open",
            "1 while the model is not asked",
            lambda: gateway.state.queue.breaker != "closed",
        )
        metrics.count("vector_cache_hits", "Vectors that were in the cache", lambda: gateway.state.hits)
        metrics.count("vector_cache_misses", "Vectors that were not in the cache", lambda: gateway.state.misses)
        metrics.count("cache_errors", "Faults of the cache's file", lambda: self.vectors.errors)
        if hasattr(self, "searcher"):
            metrics.count("searches_joined", "Searches answered by an equal one", lambda: self.searcher.joined)


@asynccontextmanager
async def open_services(settings: Settings, *parts: Part) -> AsyncIterator[Services]:
    """Database, model and vector cache, and the named parts above them. None of their servers need be up."""
    services = Services()
    services.settings = settings
    async with AsyncExitStack() as stack:
        services.vectors = _cache(settings, "vectors")
        stack.callback(services.vectors.close)
        services.database = await Database.open(settings)
        stack.push_async_callback(services.database.close)
        services.embedder = await Embedder.open(settings, services.vectors)
        stack.push_async_callback(services.embedder.close)
        if {"answers", "searcher"} & set(parts):
            services.answers = _cache(settings, "answers")
            stack.callback(services.answers.close)
        if "searcher" in parts:
            services.searcher = Searcher(services.database, services.embedder, services.answers)
            stack.push_async_callback(services.searcher.close)
        if "learner" in parts:
            services.learner = Learner(services.database, services.embedder)
        if "facts" in parts:
            services.facts = FactBook(services.database)
        yield services


def _cache(settings: Settings, name: str) -> DiskCache:
    # Vectors and answers share the allowance evenly.
    return DiskCache(settings.home / "cache", settings.cache_size_mib * MIB // 2, name)
