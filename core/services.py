"""What a function works with, opened at its start and closed at its end."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Literal

from core.cache.disk import DiskCache
from core.db.pool import Database
from core.knowledge.learner import Learner
from core.models.gateway import Embedder
from core.observe.metrics import Metrics
from core.retrieval.searcher import Searcher
from core.settings import Settings

if TYPE_CHECKING:
    # Imported where they are opened: most functions answer nobody, and a calendar of holidays takes 6 MiB.
    from core.answer.assistant import Assistant
    from core.facts.book import FactBook
    from core.models.writer import Writer

Part = Literal["answers", "searcher", "learner", "facts", "writer", "assistant"]
MIB = 1024 * 1024


class Turns:
    """How many messages were answered since the start, and how many were not known."""

    def __init__(self) -> None:
        self.answered = self.unknown = 0

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
    facts: "FactBook"
    writer: "Writer | None"
    assistant: "Assistant"
    turns: Turns

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
        if hasattr(self, "turns"):
            metrics.count("chat_answered", "Messages that were answered", lambda: self.turns.answered)
            metrics.count("chat_unknown", "Messages whose answer was not known", lambda: self.turns.unknown)
        if (writer := getattr(self, "writer", None)) is not None:
            metrics.gauge("chat_waiting", "Messages in line for the chat model", lambda: len(writer.slots.line))
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
        if {"answers", "searcher", "assistant"} & set(parts):
            services.answers = _cache(settings, "answers")
            stack.callback(services.answers.close)
        if {"searcher", "assistant"} & set(parts):
            services.searcher = Searcher(services.database, services.embedder, services.answers)
            stack.push_async_callback(services.searcher.close)
        if "learner" in parts:
            services.learner = Learner(services.database, services.embedder)
        if {"facts", "assistant"} & set(parts):
            from core.facts.book import FactBook

            services.facts = FactBook(services.database)
        if {"writer", "assistant"} & set(parts):
            from core.models.writer import Writer

            services.writer = Writer.of(settings)
            if services.writer is not None:
                stack.push_async_callback(services.writer.close)
        if "assistant" in parts:
            from core.answer.assistant import Assistant

            services.turns = Turns()
            services.assistant = Assistant(
                services.searcher, services.facts, services.writer, deadline_s=settings.chat_deadline_s
            )
        yield services


def _cache(settings: Settings, name: str) -> DiskCache:
    # Vectors and answers share the allowance evenly.
    return DiskCache(settings.home / "cache", settings.cache_size_mib * MIB // 2, name)
