"""A write under its `Idempotency-Key`: done once, answered as often as it is asked for."""

from collections.abc import Awaitable, Callable, Coroutine
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from core.db import idempotency
from core.db.connection import Connection
from core.db.conversations import lock_shop
from core.db.pool import Database
from core.flight import Flight

STATUS_OK = 200


class Once(msgspec.Struct, frozen=True):
    """An `Idempotency-Key`, and the request it came with: method, path and body as bytes."""

    key: str
    request: bytes

    @property
    def request_hash(self) -> bytes:
        """What stands for the request in the database: 32 bytes."""
        return sha256(self.request).digest()


class Reply(msgspec.Struct, frozen=True):
    """An encoded answer; `replayed` when it was given before, to the same request under the same key.

    `kept` is what is kept of it, where that is not the body; `about` the conversation with which that is forgotten.
    """

    body: bytes
    status: int = STATUS_OK
    replayed: bool = False
    kept: bytes | None = None
    about: UUID | None = None


Write = Callable[[Connection], Awaitable[Reply]]


async def write_once(database: Database, shop_id: int, once: Once | None, write: Write, *, bulk: bool = True) -> Reply:
    """The answer to a write, made in one transaction with it. Raises IdempotencyConflict, DatabaseUnavailable.

    `bulk` as of Database.shop: not where a visitor waits.
    """
    async with database.shop(shop_id, bulk=bulk) as conn:
        if once is None:
            return await write(conn)
        await lock_shop(conn)
        if (before := await replay(conn, shop_id, once)) is not None:
            return before
        reply = await write(conn)
        kept = idempotency.Recorded(reply.status, reply.body if reply.kept is None else reply.kept)
        await idempotency.record(conn, shop_id, once.key, once.request_hash, kept, about=reply.about)
        return reply


async def together(
    flight: Flight[Reply], shop_id: int, once: Once | None, work: Callable[[], Coroutine[Any, Any, Reply]]
) -> Reply:
    """Equal requests at once are one here already: in the database each would wait with a connection in hand."""
    if once is None:
        return await work()
    is_first = False

    async def first() -> Reply:
        nonlocal is_first
        is_first = True
        return await work()

    reply = await flight.do((shop_id, once.key, once.request_hash), first)
    return reply if is_first else msgspec.structs.replace(reply, replayed=True)


async def replay(conn: Connection, shop_id: int, once: Once) -> Reply | None:
    """The answer from before; None for the first request under the key. Raises IdempotencyConflict."""
    before = await idempotency.recall(conn, shop_id, once.key, once.request_hash)
    return None if before is None else Reply(before.response, before.status, replayed=True)
