"""What a function opens for searching and learning, over a real database and a real model server."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import psycopg
from psycopg import sql

from core.cache.disk import DiskCache
from core.db.pool import Database
from core.knowledge.document import NewPassage
from core.knowledge.learner import Learner
from core.knowledge.once import Reply
from core.models.gateway import Embedder
from core.observe.trace import Trace, current_trace
from core.retrieval.lens import ensure_calibrated
from core.retrieval.searcher import Searcher, SearchQuery
from core.settings import Settings

SHOP = 3
QUESTION = "What does a haircut cost?"
OPENING = "We are open from nine to six, Monday to Friday. On Saturdays we close at two."
PRICES = "A haircut with wash costs 28 and takes half an hour."
PARKING = "There are three parking spaces behind the house. The gate code is on your confirmation."


def settings_of(database, model_server, **changes) -> Settings:
    """Settings for the test's database and a model server, or a place where none is."""
    url = "unix:/nowhere/model.sock" if model_server is None else model_server.url
    return msgspec.structs.replace(database.settings, ollama_url=url, **changes)


@asynccontextmanager
async def parts(settings: Settings) -> AsyncIterator[tuple[Database, Embedder, DiskCache]]:
    """Database, embedder and disk cache as one process has them; vectors and answers share the cache's folder."""
    vectors = DiskCache(settings.home / "cache", 8 << 20, "vectors")
    answers = DiskCache(settings.home / "cache", 8 << 20, "answers")
    database = await Database.open(settings)
    embedder = await Embedder.open(settings, vectors)
    try:
        yield database, embedder, answers
    finally:
        await embedder.close()
        await database.close()
        vectors.close()
        answers.close()


def ids_reply(ids) -> Reply:
    """An answer that lists the ids."""
    return Reply(json.dumps({"ids": [str(passage_id) for passage_id in ids]}).encode(), 201)


async def learn(learner: Learner, *contents: str, shop_id: int = 1) -> list[str]:
    """Teach a shop; the new ids."""
    reply = await learner.learn(shop_id, [NewPassage(content) for content in contents], ids_reply)
    return json.loads(reply.body)["ids"]


class Process:
    """What one process of the search function holds."""

    def __init__(self, database, embedder, disk) -> None:
        self.database, self.embedder, self.disk = database, embedder, disk
        self.learner = Learner(database, embedder)
        self.searcher = Searcher(database, embedder, disk)

    async def ask(self, query: str = QUESTION, **changes):
        """The answer and the trace of one request."""
        trace = Trace("test-request")
        token = current_trace.set(trace)
        try:
            return await self.searcher.search(SearchQuery(query, **{"shop_id": SHOP, **changes})), trace
        finally:
            current_trace.reset(token)

    async def contents(self, query: str = QUESTION, **changes) -> list[str]:
        found, _ = await self.ask(query, **changes)
        return [result.content for result in found.results]


@asynccontextmanager
async def running(settings):
    async with parts(settings) as (database, embedder, disk):
        process = Process(database, embedder, disk)
        try:
            yield process
        finally:
            await process.searcher.close()


async def knowing(database, model_server, *contents: str) -> Settings:
    """Settings of functions over a calibrated database whose shop 1 knows these passages."""
    settings = settings_of(database, model_server)
    async with running(settings) as process:
        await ensure_calibrated(process.database, process.embedder)
        await learn(process.learner, *contents)
    return settings


@asynccontextmanager
async def away(database):
    """Refuse connections to the database, and end those that there are."""

    def run(statement: str) -> None:
        with psycopg.connect(database.server.dsn("postgres", "postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL(statement).format(sql.Identifier(database.name)))
            conn.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [database.name])

    run("alter database {} with allow_connections false")
    try:
        yield
    finally:
        run("alter database {} with allow_connections true")
