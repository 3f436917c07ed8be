"""The state of a shop, read before every answer: one statement serves all the requests that wait for one."""

import asyncio
from contextvars import Context
from time import monotonic
from typing import Any

import msgspec
from psycopg.rows import args_row

from core.cache.local import LocalCache
from core.db.connection import Connection
from core.db.models import ModelRow
from core.db.pool import Database
from core.observe.trace import timed

# Its model comes along: a switch is seen by the next search of every process.
READ = """
select shop.id, version, text_config::text, ann, passages, names, model.id, digest, name, dimensions, query_prefix,
    document_prefix, midpoint, scale, url
from shop left join model on model.id = shop.model_id
where shop.id = any(%s)
"""
FRESH_S = 1.0
SEEN_BYTES = 1024 * 1024
EXISTS = "select from shop where id = %s"
MODEL = "select digest from shop join model on model.id = shop.model_id where shop.id = %s"


class ShopState(msgspec.Struct, frozen=True):
    """What a search needs to know of a shop; `version` is the knowledge version, raised by every change.

    `model` is the one whose vectors its searches use, None while it has none. `names` are what visitors call the shop.
    """

    shop_id: int
    version: int = 0
    text_config: str = "english"
    ann: bool = False
    passages: int = 0
    names: tuple[str, ...] = ()
    exists: bool = False
    model: ModelRow | None = None


class _Batch:
    """The shops that one statement will read, and the answer that everyone in it waits for."""

    def __init__(self) -> None:
        self.shop_ids: set[int] = set()
        self.answer: asyncio.Task[dict[int, ShopState]] | None = None


class ShopReader:
    """Reads that come while a statement is in flight share the next one, never the one in flight.

    A read that starts after a write was acknowledged therefore sees it: its statement starts after the read did.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._in_flight: asyncio.Task[dict[int, ShopState]] | None = None
        self._next: _Batch | None = None
        self._seen: LocalCache[tuple[float, ShopState]] = LocalCache(SEEN_BYTES)

    def last_seen(self, shop_id: int) -> ShopState | None:
        """What the shop was when it was read here in the last FRESH_S: a hint, from which nothing may be answered."""
        read_at, state = self._seen.get(shop_id) or (float("-inf"), None)
        return state if monotonic() - read_at < FRESH_S else None

    async def read(self, shop_id: int) -> ShopState:
        """The state of a shop as committed now; an unknown shop has version 0. Raises DatabaseUnavailable."""
        if self._next is None:
            self._next = _Batch()
            # In a context of its own: its time belongs to everyone who waits, not to whoever came first.
            self._next.answer = asyncio.create_task(self._run(self._next, self._in_flight), context=Context())
            self._next.answer.add_done_callback(_look_at)
        batch = self._next
        batch.shop_ids.add(shop_id)
        assert batch.answer is not None
        # Shielded: a caller that goes away leaves the answer to the others.
        with timed("database"):
            states = await asyncio.shield(batch.answer)
        return states[shop_id]

    async def _run(self, batch: _Batch, before: asyncio.Task[dict[int, ShopState]] | None) -> dict[int, ShopState]:
        if before is not None:
            await asyncio.wait([before])
        # From here on the batch is closed: whoever comes now belongs to the next statement.
        self._next = None
        self._in_flight = batch.answer
        read_at = monotonic()
        try:
            rows = await self._database.read(None, READ, [sorted(batch.shop_ids)], row_factory=args_row(_state))
        finally:
            if self._in_flight is batch.answer:
                self._in_flight = None
        states = {shop_id: ShopState(shop_id) for shop_id in batch.shop_ids} | {state.shop_id: state for state in rows}
        for shop_id, state in states.items():
            self._seen.put(shop_id, (read_at, state), sum(len(name.encode()) for name in state.names))
        return states


async def exists(database: Database, shop_id: int) -> bool:
    """Whether anybody made the shop: its first passage, facts or contact does. Raises DatabaseUnavailable."""
    return bool(await database.read(None, EXISTS, [shop_id]))


async def model_of(conn: Connection, shop_id: int) -> str | None:
    """The digest of the model that the shop's searches use, seen from within a transaction of `Database.shop`."""
    row = await (await conn.execute(MODEL, [shop_id])).fetchone()
    return None if row is None else str(row[0])


def _look_at(answer: asyncio.Task[dict[int, ShopState]]) -> None:
    # asyncio complains of an exception that nobody looked at: every caller may have gone away.
    if not answer.cancelled():
        answer.exception()


def _state(  # noqa: PLR0913, PLR0917 - a row
    shop_id: int,
    version: int,
    text_config: str,
    ann: bool,  # noqa: FBT001 - a row
    passages: int,
    names: list[str],
    *model: Any,
) -> ShopState:
    row = None if model[0] is None else ModelRow(*model)
    return ShopState(shop_id, version, text_config, ann, passages, tuple(names), exists=True, model=row)
