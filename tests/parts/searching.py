"""What a function opens for searching and learning, over a real database and a real model server."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from core.cache.disk import DiskCache
from core.db.pool import Database
from core.knowledge.learner import Learner, NewPassage, Reply
from core.models.gateway import Embedder
from core.settings import Settings

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
