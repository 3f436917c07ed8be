"""What a function works with, opened at its start and closed at its end."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

from core.cache.disk import DiskCache
from core.conversations import events
from core.conversations.archive import Archive
from core.conversations.feedback import Feedback
from core.conversations.recorder import Recorder
from core.conversations.review import Review
from core.db.pool import Database
from core.handoff import delivery
from core.handoff.desk import Desk
from core.handoff.hours import UnknownHours
from core.knowledge.learner import Learner
from core.models.gateway import Embedder
from core.observe.metrics import Metrics
from core.outbox.event import Lane
from core.outbox.outbox import Applier, Outbox
from core.retrieval.searcher import Searcher
from core.settings import Settings

Part = Literal["answers", "searcher", "learner", "conversations", "feedback"]
NEEDS: dict[Part, set[Part]] = {
    "feedback": {"searcher", "learner", "conversations"},
    "searcher": {"answers"},
}
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
    outbox: Outbox
    recorder: Recorder
    archive: Archive
    feedback: Feedback
    review: Review
    desk: Desk

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
        if hasattr(self, "outbox"):
            metrics.gauge("outbox_waiting", "Events that wait to be stored or delivered", lambda: self.outbox.counts[0])
            metrics.gauge("outbox_dead", "Events that were given up", lambda: self.outbox.counts[1])


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
        await _open_parts(services, stack, _with_needs(parts))
        yield services


async def _open_parts(services: Services, stack: AsyncExitStack, parts: set[Part]) -> None:
    settings = services.settings
    if "answers" in parts:
        services.answers = _cache(settings, "answers")
        stack.callback(services.answers.close)
    if "searcher" in parts:
        services.searcher = Searcher(services.database, services.embedder, services.answers)
        stack.push_async_callback(services.searcher.close)
    if "learner" in parts:
        services.learner = Learner(services.database, services.embedder)
    if "conversations" in parts:
        _open_outbox(services)
        stack.push_async_callback(services.outbox.close)
        services.recorder = Recorder(services.database, services.outbox)
        services.archive = Archive(services.database, services.outbox)
    if "feedback" in parts:
        services.feedback = Feedback(services.database, services.outbox, services.searcher)
        services.review = Review(services.database, services.learner)


def _with_needs(parts: Iterable[Part]) -> set[Part]:
    found = set(parts)
    for part, needs in NEEDS.items():
        if part in found:
            found |= needs
    return found


def _open_outbox(services: Services) -> None:
    """The instance's outbox, and the desk, which fills it too: every function drains what any of them put in."""
    settings, database = services.settings, services.database
    appliers: dict[Lane, dict[str, Applier]] = {"database": {**events.appliers(database)}, "delivery": {}}
    services.outbox = Outbox(settings.home / "outbox", settings.outbox_size_mib, appliers)
    services.desk = Desk(database, services.outbox, settings, UnknownHours())
    for lane, added in delivery.appliers(database, services.desk, settings).items():
        appliers[lane].update(added)
    services.outbox.start()


def _cache(settings: Settings, name: str) -> DiskCache:
    # Vectors and answers share the allowance evenly.
    return DiskCache(settings.home / "cache", settings.cache_size_mib * MIB // 2, name)
