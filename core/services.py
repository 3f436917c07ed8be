"""What a function works with, opened at its start and closed at its end."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Literal

from core.cache.disk import DiskCache
from core.conversations import events
from core.conversations.archive import Archive
from core.conversations.feedback import Feedback
from core.conversations.recorder import Recorder
from core.conversations.review import Review
from core.db.pool import Database
from core.handoff import delivery
from core.handoff.desk import Desk
from core.handoff.hours import StatedHours
from core.handoff.lookout import Lookout
from core.handoff.webhook import Receivers
from core.knowledge.learner import Learner
from core.models.gateway import Embedder
from core.observe.metrics import Metrics
from core.outbox.event import Lane
from core.outbox.outbox import Applier, Outbox
from core.retrieval.searcher import Searcher
from core.settings import Settings

if TYPE_CHECKING:
    # Imported where they are opened: most functions answer nobody, and a calendar of holidays takes 6 MiB.
    from core.answer.assistant import Assistant
    from core.facts.book import FactBook
    from core.models.writer import Writer

Part = Literal["answers", "searcher", "learner", "facts", "writer", "assistant", "conversations", "feedback"]
NEEDS: dict[Part, set[Part]] = {
    "feedback": {"searcher", "learner", "conversations"},
    "assistant": {"searcher", "facts", "writer", "conversations"},
    "searcher": {"answers"},
}
MIB = 1024 * 1024


class Turns:
    """How many messages were answered since the start, how many were not known, and how many could not be kept."""

    def __init__(self) -> None:
        self.answered = self.unknown = self.lost = 0

    def count(self, *, answered: bool) -> None:
        """Count one."""
        self.answered += answered
        self.unknown += not answered


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
    lookout: Lookout
    facts: "FactBook"
    writer: "Writer | None"
    assistant: "Assistant"
    turns: Turns

    def expose(self, metrics: Metrics) -> None:
        """Show queue, circuit and caches among the function's metrics."""
        gateway, settings = self.embedder, self.settings
        metrics.gauge("embed_waiting", "Questions that wait for the model", lambda: gateway.state.queue.interactive)
        metrics.gauge("embed_waiting_limit", "Questions that may wait", lambda: settings.embed_queue)
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
        if hasattr(self, "turns"):
            metrics.count("chat_answered", "Messages that were answered", lambda: self.turns.answered)
            metrics.count("chat_unknown", "Messages whose answer was not known", lambda: self.turns.unknown)
            metrics.count("chat_lost", "Answered messages that could not be kept", lambda: self.turns.lost)
        if (writer := getattr(self, "writer", None)) is not None:
            metrics.gauge("chat_waiting", "Messages in line for the chat model", lambda: len(writer.slots.line))
            metrics.gauge("chat_waiting_limit", "Messages that may wait", lambda: settings.chat_queue)
            metrics.gauge("chat_at_work", "Messages that the chat model writes on", lambda: writer.slots.at_work)


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
        receivers = Receivers()
        stack.push_async_callback(receivers.close)  # after the outbox, which calls them to its end
        _open_outbox(services, receivers)
        stack.push_async_callback(services.outbox.close)
        services.recorder = Recorder(services.database, services.outbox)
        services.archive = Archive(services.database, services.outbox)
    if "feedback" in parts:
        services.feedback = Feedback(services.database, services.outbox, services.searcher)
        services.review = Review(services.database, services.learner)
    if "facts" in parts:
        from core.facts.book import FactBook

        services.facts = FactBook(services.database)
    if "writer" in parts:
        from core.models.writer import Writer

        services.writer = Writer.of(settings)
        if services.writer is not None:
            stack.push_async_callback(services.writer.close)
    if "assistant" in parts:
        _open_assistant(services)


def _open_assistant(services: Services) -> None:
    from core.answer.assistant import Assistant

    services.turns = Turns()
    services.assistant = Assistant(
        services.searcher, services.facts, services.writer, deadline_s=services.settings.chat_deadline_s
    )


def _with_needs(parts: Iterable[Part]) -> set[Part]:
    found = set(parts)
    for part, needs in NEEDS.items():
        if part in found:
            found |= needs
    return found


def _open_outbox(services: Services, receivers: Receivers) -> None:
    """The instance's outbox, and the desk, which fills it too: every function drains what any of them put in."""
    settings, database = services.settings, services.database
    appliers: dict[Lane, dict[str, Applier]] = {"database": {**events.appliers(database)}, "delivery": {}}
    services.outbox = Outbox(settings.home / "outbox", settings.outbox_size_mib, appliers)
    services.lookout = Lookout(database)
    hours = StatedHours(database)
    services.desk = Desk(database, services.outbox, settings, hours)
    for lane, added in delivery.appliers(database, services.desk, hours, receivers, settings).items():
        appliers[lane].update(added)
    services.outbox.start()


def _cache(settings: Settings, name: str) -> DiskCache:
    # Vectors and answers share the allowance evenly.
    return DiskCache(settings.home / "cache", settings.cache_size_mib * MIB // 2, name)
