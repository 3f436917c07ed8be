"""A connection that never waits for ever, and the translation of what PostgreSQL and the pool raise."""

import asyncio
import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.rows import TupleRow

from core.db.vigil import LOOK_S, Vigil
from core.errors import DatabaseUnavailable

RV = TypeVar("RV")
WAIT_INTERVAL_S = 0.1  # psycopg's own
LATE_S = 0.2
SECOND_LOOK_S = 0.5
EXTENDS_A_FILE = frozenset({"mdextend", "mdzeroextend"})  # md.c; messages are in the server's language


class Connection(psycopg.AsyncConnection[TupleRow]):
    """Hangs up when the server does not answer within `limit_s`, or is found to be silent by the `vigil` before that.

    A slow statement is ended by the server's statement_timeout, a little earlier, and leaves the connection usable.
    This is for a server that is stopped, or a network that swallows: psycopg would ask such a server to cancel and
    wait up to ten seconds for its answer. With the socket shut down every wait fails at once and the pool replaces it.
    """

    limit_s: float = 60.0
    hung: bool = False
    vigil: Vigil | None = None
    _watchdog: asyncio.TimerHandle
    _ends_at: float
    _waits = False

    async def wait(
        self,
        gen: PQGen[RV],
        interval: float = WAIT_INTERVAL_S,
        timeout: float | None = None,  # noqa: ASYNC109 - psycopg's signature
    ) -> RV:
        self._ends_at = asyncio.get_running_loop().time() + self.limit_s
        self._watch(LOOK_S)
        self._waits = True
        try:
            return await super().wait(gen, interval, timeout)
        finally:
            self._waits = False
            self._watchdog.cancel()

    def _watch(self, patience_s: float) -> None:
        loop = asyncio.get_running_loop()
        patience_s = min(patience_s, max(self._ends_at - loop.time(), 0.0))
        self._watchdog = loop.call_later(patience_s, self._bark, loop.time() + patience_s, patience_s)

    def _bark(self, due: float, patience_s: float) -> None:
        now = asyncio.get_running_loop().time()
        if now - due > LATE_S:
            # It was the loop that stood still: the answer may lie there, unread.
            self._ends_at = max(self._ends_at, now + SECOND_LOOK_S)
            self._watch(SECOND_LOOK_S)
        elif due >= self._ends_at or (self.vigil is not None and self.vigil.silent):
            self.hang_up()
        else:
            if self.vigil is not None:
                self.vigil.look()
            self._watch(2 * patience_s)

    def hang_up(self) -> None:
        """Let whoever waits for the server fail now; nothing where nobody does."""
        if not self._waits:
            return
        self.hung = True
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self.pgconn.socket)) as end:
            end.shutdown(socket.SHUT_RDWR)

    def alive(self) -> bool:
        """False for an idle connection whose server went away; costs microseconds where a query costs 150.

        An idle server says nothing: what can be read is its farewell, or the end of the stream.
        """
        if self.closed:
            return False
        ready = select.poll()
        ready.register(self.pgconn.socket, select.POLLIN)
        return not ready.poll(0)


def is_unavailable(error: psycopg.Error) -> bool:
    """Whether trying again later may help: a server that is away, full, shutting down, read-only or too slow.

    psycopg's OperationalError is SQLSTATE classes 08, 40, 53, 55, 57, 58, failed connections and the pool's timeouts;
    the other classes are defects of ours (PostgreSQL, appendix A).
    """
    return isinstance(error, psycopg.OperationalError | psycopg.errors.ReadOnlySqlTransaction) or _has_no_room(error)


def _has_no_room(error: psycopg.Error) -> bool:
    """A quota or a limit of file sizes: PostgreSQL has a SQLSTATE for ENOSPC only, and calls these internal errors."""
    return isinstance(error, psycopg.errors.InternalError_) and error.diag.source_function in EXTENDS_A_FILE


@contextmanager
def translated() -> Iterator[None]:
    """Raise DatabaseUnavailable for what may pass; a defect goes through as it is."""
    try:
        yield
    except psycopg.Error as error:
        if not is_unavailable(error):
            raise
        raise DatabaseUnavailable(_sentence(error)) from error


def _sentence(error: psycopg.Error) -> str:
    # Words of our own: PostgreSQL's may name hosts, users and values.
    match error:
        case psycopg.errors.QueryCanceled() | psycopg.errors.LockNotAvailable():
            return "The database took too long to answer."
        case psycopg.errors.DiskFull() | psycopg.errors.ReadOnlySqlTransaction() | psycopg.errors.InternalError_():
            return "The database takes no writes at the moment."
        case psycopg.errors.SerializationFailure() | psycopg.errors.DeadlockDetected():
            return "Another request changed the same data at the same time."
        case _:
            return "The database cannot be reached."
