"""The pool: reads in one round trip, writes in one transaction, each bound to the shop it is for."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Self, TypeVar, overload

import psycopg
from pgvector.psycopg import register_vector_async
from psycopg.abc import QueryNoTemplate
from psycopg.rows import AsyncRowFactory, TupleRow, tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from core.db.connection import Connection, translated
from core.db.dsn import application_conninfo
from core.db.vigil import LOOK_S, SILENT_S, Vigil
from core.errors import DatabaseUnavailable
from core.observe.trace import timed
from core.settings import Settings

Row = TypeVar("Row")
Params = Mapping[str, Any] | Sequence[Any] | None
SET_SHOP = "select set_config('edge.shop_id', %s, true)"  # true: for this transaction only
# With a plan that is made once a connection, where planning would take as long as the statement itself. It has to be
# good for every shop, and for tables that have grown since: one that begins with the shop's rows of an index is.
SET_SHOP_AND_KEEP_PLAN = """
select set_config('edge.shop_id', %s, true), set_config('plan_cache_mode', 'force_generic_plan', true),
    set_config('enable_seqscan', 'off', true)
"""
SET_PATIENCE = "select set_config('statement_timeout', %s, true)"
BULK_FACTOR = 4  # how much longer than another a statement of a bulk write may take
# How much longer than the server's own statement_timeout we wait for its word: a busy one takes its time to look up.
GRACE_S = 1.0
SILENT_PART = 0.15  # of the time that a statement may take: who may take longer is given longer to say a word
REST_S = 1.0  # how long a server that did not answer at all is left alone


class _Pool(AsyncConnectionPool[Connection]):
    """Fails whoever waits as soon as the last connection cannot be made, instead of letting them run out of time."""

    async def reconnect_failed(self) -> None:
        await self.fail_waiting(unless_connected=True)

    async def fail_waiting(self, *, unless_connected: bool = False) -> None:
        """Let whoever waits for a connection fail now."""
        async with self._lock:
            waiting = [] if unless_connected and self._nconns else list(self._waiting)
            if waiting:
                self._waiting.clear()
        for client in waiting:
            await client.fail(psycopg.OperationalError("no connection could be made"))


class Database:
    """The functions' way to PostgreSQL: a server that was away is used again by the first request after it is back.

    While it is silent nobody waits for it: one that is stopped says neither yes nor no (core/db/vigil.py).
    """

    def __init__(self, settings: Settings) -> None:
        self._timeout_s = settings.database_timeout_s
        self._in_use: set[Connection] = set()
        self._rest_until = 0.0
        conninfo = application_conninfo(settings)
        silent_s = max(SILENT_S, self._timeout_s * SILENT_PART)
        self._vigil = Vigil(conninfo, self._fell_silent, self._spoke, silent_s)
        # reconnect_timeout 0: a failed attempt is not repeated behind the scenes with growing delays; whoever waits
        # fails at once, and the next request makes the next attempt.
        self._pool = _Pool(
            conninfo,
            connection_class=type("Limited", (Connection,), {"limit_s": self._limit_s()}),
            kwargs={"autocommit": True, "prepare_threshold": 0},
            min_size=settings.database_pool,
            max_size=settings.database_pool,
            timeout=self._timeout_s,
            reconnect_timeout=0,
            configure=register_vector_async,
            open=False,
        )

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Open the pool without waiting for the server: a function starts while its database is down."""
        database = cls(settings)
        await database._pool.open(wait=False)
        return database

    async def close(self) -> None:
        """Close every connection; those in use when they come back."""
        await self._vigil.close()
        await self._pool.close(timeout=self._timeout_s)

    async def ping(self) -> None:
        """Return when the server answers; raises DatabaseUnavailable."""
        await self.read(None, "select 1")

    @overload
    async def read(self, shop_id: int | None, statement: QueryNoTemplate, params: Params = None) -> list[TupleRow]: ...
    @overload
    async def read(
        self,
        shop_id: int | None,
        statement: QueryNoTemplate,
        params: Params = None,
        *,
        row_factory: AsyncRowFactory[Row],
        keep_plan: bool = False,
    ) -> list[Row]: ...
    async def read(
        self,
        shop_id: int | None,
        statement: QueryNoTemplate,
        params: Params = None,
        *,
        row_factory: AsyncRowFactory[Any] = tuple_row,
        keep_plan: bool = False,
    ) -> list[Any]:
        """The rows of one statement within one shop, in one round trip; without a shop no shop's rows are visible.

        With `keep_plan` the server plans it once a connection, and not for the shop and values of each time.

        Setting and statement share one implicit transaction (a pipeline up to its Sync; PostgreSQL 18, 54.2.4), and
        the setting ends with it whatever happens: the next user of the connection starts with none. When the
        connection breaks, the statement is tried once more on another. Raises DatabaseUnavailable.
        """
        with timed("database"), translated():
            for tries_left in (1, 0):
                async with self._connection() as conn:
                    try:
                        cursor = conn.cursor(row_factory=row_factory)
                        setting = SET_SHOP_AND_KEEP_PLAN if keep_plan else SET_SHOP
                        return await _rows(cursor, shop_id, setting, statement, params)
                    except psycopg.OperationalError:
                        if not tries_left or not conn.closed or conn.hung:
                            raise
        raise AssertionError("the loop returns or raises")

    @asynccontextmanager
    async def shop(self, shop_id: int, *, bulk: bool = False) -> AsyncIterator[Connection]:
        """One transaction within one shop, committed at the end of the block and rolled back by an exception.

        With `bulk` each of its statements may take BULK_FACTOR times as long, waits for other writers included.
        Never retried: after a connection that broke during the commit nobody knows whether it took place, which is
        what idempotency keys are for. Raises DatabaseUnavailable.
        """
        with timed("database"), translated():
            async with self._connection(BULK_FACTOR if bulk else 1) as conn, conn.transaction():
                await conn.execute(SET_SHOP, [str(shop_id)])
                if bulk:
                    await conn.execute(SET_PATIENCE, [str(math.ceil(self._timeout_s * BULK_FACTOR * 1000))])
                yield conn

    @asynccontextmanager
    async def _connection(self, factor: int = 1) -> AsyncIterator[Connection]:
        self._admit()
        conn = await self._living()
        conn.limit_s = self._limit_s(factor)
        conn.vigil = self._vigil if factor == 1 else None  # a bulk write is no visitor's, and may have all its time
        self._in_use.add(conn)
        try:
            yield conn
        finally:
            self._in_use.discard(conn)
            self._rest_until = monotonic() + REST_S if conn.hung and not self._vigil.silent else 0.0
            await self._pool.putconn(conn)

    def _limit_s(self, factor: int = 1) -> float:
        return self._timeout_s * factor + GRACE_S

    def _admit(self) -> None:
        if self._vigil.silent:
            raise DatabaseUnavailable("The database does not answer.")
        # After a server that swallowed a request in silence one caller tries it again; the others do not wait too.
        now = monotonic()
        if now < self._rest_until:
            raise DatabaseUnavailable("The database does not answer.")
        if self._rest_until:
            self._rest_until = now + self._timeout_s

    async def _living(self) -> Connection:
        while True:
            try:
                conn = await self._connected()
            except PoolTimeout:
                silent = not self._in_use  # else the pool is merely busy
                self._rest_until = monotonic() + REST_S if silent else 0.0
                raise
            except BaseException:
                self._rest_until = 0.0
                raise
            if conn.alive():
                return conn
            await conn.close()
            await self._pool.putconn(conn)

    async def _connected(self) -> Connection:
        # Where no connection can be had there is no statement that could be looked into.
        look = asyncio.get_running_loop().call_later(LOOK_S, self._vigil.look)
        try:
            return await self._pool.getconn()
        finally:
            look.cancel()

    def _fell_silent(self) -> None:
        for conn in self._in_use:
            if conn.vigil is not None:
                conn.hang_up()
        self._failing = asyncio.create_task(self._pool.fail_waiting())

    def _spoke(self) -> None:
        self._rest_until = 0.0


async def _rows(
    cursor: psycopg.AsyncCursor[Row], shop_id: int | None, setting: str, statement: QueryNoTemplate, params: Params
) -> list[Row]:
    if shop_id is None:
        await cursor.execute(statement, params)
    else:
        async with cursor.connection.pipeline():
            await cursor.connection.execute(setting, [str(shop_id)])
            await cursor.execute(statement, params)
    return await cursor.fetchall()
