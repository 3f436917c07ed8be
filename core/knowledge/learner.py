"""Knowledge written and read back: embedded first, then stored with all that belongs to it in one transaction."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from core.db.connection import Connection
from core.db.passages import (
    Page,
    Passage,
    delete_passage,
    get_passage,
    insert_passages,
    list_passages,
    replace_passage,
)
from core.db.pool import Database
from core.db.position import Position
from core.errors import ModelChanged, NotFound
from core.flight import Flight
from core.knowledge.embedding import Embedding, Vectors, require_unchanged
from core.knowledge.once import Once, Reply, replay, together, write_once
from core.models.gateway import Embedder


class NewPassage(msgspec.Struct, frozen=True):
    """A passage as a caller gives it."""

    content: str
    category: str | None = None
    source: str | None = None
    metadata: dict[str, Any] = {}


Respond = Callable[[Sequence[UUID]], Reply]
_Write = Callable[[Connection], Awaitable[Sequence[UUID]]]


class Learner:
    """Writes and reads of every shop's knowledge.

    A write that returns is seen by the next request of every process; one that raises left nothing behind, unless
    the connection broke during the commit, for which callers send an `Idempotency-Key`: the same request under the
    same key is answered again with the same bytes and has one effect, another request under it raises
    IdempotencyConflict. `respond` makes the answer from the ids, within the transaction. Every method may raise
    DatabaseUnavailable, those that embed ModelUnavailable and ModelOverloaded.
    """

    def __init__(self, database: Database, embedder: Embedder) -> None:
        self._database = database
        self._embedding = Embedding(database, embedder)
        self._flight: Flight[Reply] = Flight()

    async def learn(
        self, shop_id: int, items: Sequence[NewPassage], respond: Respond, once: Once | None = None
    ) -> Reply:
        """Add passages, all or none; the shop begins to exist with its first one."""

        async def work() -> Reply:
            return await self._learn(shop_id, items, respond, once)

        return await together(self._flight, shop_id, once, lambda: _again(work))

    async def _learn(self, shop_id: int, items: Sequence[NewPassage], respond: Respond, once: Once | None) -> Reply:
        if (before := await self._before(shop_id, once)) is not None:
            return before
        vectors = await self.embed(shop_id, [item.content for item in items])
        passages = [_passage(uuid7(), item) for item in items]

        async def insert(conn: Connection) -> Sequence[UUID]:
            await insert_passages(conn, shop_id, vectors.space, list(zip(passages, vectors.of_passages, strict=True)))
            await require_unchanged(conn, shop_id, vectors)
            return [passage.id for passage in passages]

        return await self._write(shop_id, once, insert, respond)

    async def replace(
        self, shop_id: int, passage_id: UUID, item: NewPassage, respond: Respond, once: Once | None = None
    ) -> Reply:
        """Put another text in the place of a passage, under the same id. Raises NotFound."""

        async def work() -> Reply:
            return await self._replace(shop_id, passage_id, item, respond, once)

        return await together(self._flight, shop_id, once, lambda: _again(work))

    async def _replace(
        self, shop_id: int, passage_id: UUID, item: NewPassage, respond: Respond, once: Once | None
    ) -> Reply:
        if (before := await self._before(shop_id, once)) is not None:
            return before
        await self.read(shop_id, passage_id)  # a wrong id should not cost an embedding
        vectors = await self.embed(shop_id, [item.content])

        async def change(conn: Connection) -> Sequence[UUID]:
            passage = _passage(passage_id, item)
            if not await replace_passage(conn, shop_id, vectors.space, passage, vectors.of_passages[0]):
                raise _missing(passage_id)
            await require_unchanged(conn, shop_id, vectors)
            return [passage_id]

        return await self._write(shop_id, once, change, respond)

    async def delete(self, shop_id: int, passage_id: UUID, respond: Respond, once: Once | None = None) -> Reply:
        """Forget a passage. Raises NotFound."""

        async def remove(conn: Connection) -> Sequence[UUID]:
            if not await delete_passage(conn, shop_id, passage_id):
                raise _missing(passage_id)
            return [passage_id]

        return await together(self._flight, shop_id, once, lambda: self._write(shop_id, once, remove, respond))

    async def read(self, shop_id: int, passage_id: UUID) -> Passage:
        """One passage. Raises NotFound."""
        passage = await get_passage(self._database, shop_id, passage_id)
        if passage is None:
            raise _missing(passage_id)
        return passage

    async def page(
        self, shop_id: int, *, limit: int, after: Position | None = None, category: str | None = None
    ) -> Page:
        """The shop's passages, newest first, `limit` at a time; of one category when one is named."""
        return await list_passages(self._database, shop_id, limit=limit, after=after, category=category)

    async def _before(self, shop_id: int, once: Once | None) -> Reply | None:
        """The answer from before, looked for once without embedding; `_write` looks again, in its transaction."""
        if once is None:
            return None
        async with self._database.shop(shop_id) as conn:
            return await replay(conn, shop_id, once)

    async def _write(self, shop_id: int, once: Once | None, write: _Write, respond: Respond) -> Reply:
        async def answered(conn: Connection) -> Reply:
            return respond(await write(conn))

        return await write_once(self._database, shop_id, once, answered)

    async def embed(self, shop_id: int, contents: Sequence[str]) -> Vectors:
        """The vectors that passages of these texts get in a shop, before the transaction that writes them."""
        return await self._embedding.of_passages(shop_id, contents)


async def _again(work: Callable[[], Coroutine[Any, Any, Reply]]) -> Reply:
    """A shop that was switched to another model between embedding and writing: once more, with the new one."""
    try:
        return await work()
    except ModelChanged:
        return await work()


def _passage(passage_id: UUID, item: NewPassage) -> Passage:
    return Passage(passage_id, item.content, item.category, item.source, item.metadata)


def _missing(passage_id: UUID) -> NotFound:
    return NotFound(f"This shop has no passage {passage_id}.")
