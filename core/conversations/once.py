"""A write under its `Idempotency-Key`: done once, answered as often as it is asked for."""

from collections.abc import Awaitable, Callable

from core.db import idempotency
from core.db.connection import Connection
from core.db.conversations import lock_shop
from core.db.pool import Database
from core.knowledge.learner import Once, Reply

Write = Callable[[Connection], Awaitable[Reply]]


async def write_once(database: Database, shop_id: int, once: Once | None, write: Write) -> Reply:
    """The answer to a write, made in one transaction with it. Raises IdempotencyConflict, DatabaseUnavailable."""
    async with database.shop(shop_id, bulk=True) as conn:
        if once is None:
            return await write(conn)
        await lock_shop(conn)
        before = await idempotency.recall(conn, shop_id, once.key, once.request_hash)
        if before is not None:
            return Reply(before.response, before.status, replayed=True)
        reply = await write(conn)
        kept = idempotency.Recorded(reply.status, reply.body)
        await idempotency.record(conn, shop_id, once.key, once.request_hash, kept)
        return reply
