"""The outbox's file: SQLite in WAL mode, synced at every commit, shared by all processes of an instance.

One thread at a time uses a Store. A file that several generations of a function share changes its schema only by
additions: `core.outbox` of an older release goes on reading and writing it.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from core.errors import OutboxFull, OutboxUnavailable
from core.outbox.event import Event, Lane, Stored

FILE = "outbox.db"
BUSY_WAIT_S = 2.0
MIB = 1024 * 1024
# secure_delete: what a person asked to be forgotten does not stay in free pages of the file.
PREPARE = """
pragma journal_mode = wal;
pragma synchronous = full;
pragma secure_delete = on;
create table if not exists event (
    number integer primary key autoincrement,
    id text not null unique,
    kind text not null,
    lane text not null,
    shop_id integer not null,
    topic text not null,
    person text,
    payload blob not null,
    created_at real not null,
    due_at real not null,
    attempts integer not null default 0,
    dead integer not null default 0,
    error text
);
create index if not exists event_due on event (lane, dead, due_at);
create index if not exists event_topic on event (kind, topic);
create index if not exists event_shop on event (kind, shop_id, dead);
"""
COLUMNS = "id, kind, lane, shop_id, topic, person, payload, created_at, due_at"
INSERT = f"insert or ignore into event ({COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
SELECT = f"select {COLUMNS}, attempts, dead, error from event"  # noqa: S608 - constants
# `dead = 0`, since `not dead` is an expression to SQLite, for which no index counts.
FIRST_OF_EACH = """
number in (
    select number from (
        select number, row_number() over (partition by kind, shop_id order by number) as place from event
        where lane = ? and dead = 0 and due_at <= ? and kind in ({marks})
    ) where place <= ?
) order by number limit ?
"""
DONE = "delete from event where id = ?"
REVIVE = "update event set dead = 0, attempts = 0, due_at = 0 where dead and "
DROP = "delete from event where dead and "
USED = """
select (page_count - freelist_count) * page_size
from pragma_page_count(), pragma_freelist_count(), pragma_page_size()
"""


def lies_in(folder: Path) -> bool:
    """Whether there is an outbox in a folder: a Store would make one."""
    return (folder / FILE).exists()


class Store:
    """Events by number, the order in which they came; raises OutboxUnavailable where the file cannot be used."""

    def __init__(self, folder: Path, limit_bytes: int = 64 * MIB) -> None:
        self._path = folder / FILE
        self._limit_bytes = limit_bytes
        self._conn: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def put(self, events: Iterable[Event]) -> None:
        """Keep events, all or none, synced to the disk when this returns; ids that are there already stay as they are.

        Raises OutboxFull.
        """
        with self._transaction() as conn:
            self._check_room(conn)
            conn.executemany(INSERT, [_row(event) for event in events])

    def try_out(self) -> None:
        """Raise OutboxFull or OutboxUnavailable if `put` would: an event of no meaning is written, and taken away."""
        one = Event(kind="trial", lane="database", shop_id=0, topic="", payload=b"")
        with self._transaction() as conn:
            self._check_room(conn)
            conn.execute(INSERT, _row(one))
            conn.execute(DONE, [str(one.id)])

    def fill(self) -> float:
        """How much of what may wait does: 1 is full."""
        with self._translated():
            return _used_bytes(self._open()) / self._limit_bytes

    def due(self, lane: Lane, kinds: Sequence[str], limit: int) -> list[Stored]:
        """The first events of these kinds that are due now, in their order; others are left to whoever knows them."""
        marks = ", ".join("?" * len(kinds))
        where = f"lane = ? and dead = 0 and due_at <= ? and kind in ({marks}) order by number limit ?"
        return self._read(where, [lane, time.time(), *kinds, limit])

    def due_of_each(self, lane: Lane, kinds: Sequence[str], most: int, limit: int) -> list[Stored]:
        """The same, of each kind and shop the first `most`."""
        where = FIRST_OF_EACH.format(marks=", ".join("?" * len(kinds)))
        return self._read(where, [lane, time.time(), *kinds, most, limit])

    def newest(self, kind: str, *, topic: str | None = None, shop_id: int | None = None) -> int | None:
        """The number of the event that came last of what is `waiting`, which is not read."""
        where, values = _about(kind, topic, shop_id)
        number: int | None = self._one(f"select max(number) from event where {where}", values)  # noqa: S608 - constants
        return number

    def waits(self, kind: str, last: int, *, topic: str | None = None, shop_id: int | None = None) -> bool:
        """Whether something up to a number still waits."""
        where, values = _about(kind, topic, shop_id)
        found = f"select exists (select 1 from event where {where} and number <= ?)"  # noqa: S608 - constants
        return bool(self._one(found, [*values, last]))

    def waiting(self, kind: str, *, topic: str | None = None, shop_id: int | None = None) -> list[Stored]:
        """What is still to be done, and not dead: of one kind, about a topic or of a shop when one is named."""
        where, values = _about(kind, topic, shop_id)
        return self._read(f"{where} order by number", values)

    def listed(self, *, dead: bool | None = None, limit: int = -1) -> list[Stored]:
        """Everything, or what is dead (or not), the oldest first."""
        return self._read("? is null or dead = ? order by number limit ?", [dead, dead, limit])

    def done(self, event_id: UUID) -> None:
        """Take away what was applied."""
        self._write(DONE, [str(event_id)])

    def postpone(self, event_id: UUID, due_at: float, error: str, *, counted: bool) -> None:
        """Try again at `due_at`; `counted` attempts end in the list of the dead."""
        self._write(
            "update event set due_at = ?, error = ?, attempts = attempts + ? where id = ?",
            [due_at, error, counted, str(event_id)],
        )

    def bury(self, event_id: UUID, error: str) -> None:
        """Put it on the list of the dead."""
        self._write(
            "update event set dead = 1, error = ?, attempts = attempts + 1 where id = ?", [error, str(event_id)]
        )

    def revive(self, event_ids: Sequence[UUID] | None) -> int:
        """Make dead events due now, all of them for None; returns how many."""
        marks, ids = _among(event_ids)
        return self._write(REVIVE + marks, ids)

    def drop(self, event_ids: Sequence[UUID] | None) -> int:
        """Delete dead events, all of them for None; returns how many."""
        marks, ids = _among(event_ids)
        return self._write(DROP + marks, ids)

    def drop_dead_before(self, moment: float) -> int:
        """Delete dead events that were made before `moment`; returns how many."""
        return self._write("delete from event where dead and created_at < ?", [moment])

    def topics_of(self, person: str, shop_id: int | None) -> set[tuple[int, str]]:
        """Shop and topic of every event that holds this person's data, of one shop or of all."""
        found = self._read("person = ? and (? is null or shop_id = ?)", [person, shop_id, shop_id])
        return {(one.event.shop_id, one.event.topic) for one in found}

    def topics_like(self, topic: str, shop_id: int | None) -> set[tuple[int, str]]:
        """The same of every event about a topic, whosever it is."""
        found = self._read("topic = ? and (? is null or shop_id = ?)", [topic, shop_id, shop_id])
        return {(one.event.shop_id, one.event.topic) for one in found}

    def forget(self, topics: Iterable[tuple[int, str]]) -> int:
        """Delete everything about these topics of these shops, from the file's free space and its log too."""
        with self._transaction() as conn:
            gone = sum(
                conn.execute("delete from event where shop_id = ? and topic = ?", list(pair)).rowcount
                for pair in topics
            )
        with self._translated():
            self._open().execute("pragma wal_checkpoint(truncate)").fetchall()
        return gone

    def counts(self) -> tuple[int, int]:
        """How many wait, and how many are dead."""
        with self._translated():
            waiting, dead = self._open().execute("select count(*) - total(dead), total(dead) from event").fetchone()
        return int(waiting), int(dead)

    def _check_room(self, conn: sqlite3.Connection) -> None:
        if _used_bytes(conn) >= self._limit_bytes:
            raise OutboxFull("Too much waits to be stored; try again later.", retry_after_s=30)

    def _read(self, where: str, values: Sequence[Any]) -> list[Stored]:
        with self._translated():
            return [_stored(row) for row in self._open().execute(f"{SELECT} where {where}", values)]

    def _one(self, statement: str, values: Sequence[Any]) -> Any:
        with self._translated(), closing(self._open().execute(statement, values)) as found:
            return found.fetchone()[0]

    def _write(self, statement: str, values: Sequence[Any]) -> int:
        with self._transaction() as conn:
            return conn.execute(statement, values).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._translated():
            conn = self._open()
            conn.execute("begin immediate")
            try:
                yield conn
                conn.execute("commit")
            except BaseException:
                if conn.in_transaction:
                    conn.execute("rollback")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self.close()  # the next use begins with a fresh connection: the file may be another one by then
            raise OutboxUnavailable("Nothing can be kept on the disk at the moment.", retry_after_s=5) from error

    def _open(self) -> sqlite3.Connection:
        if self._conn is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            conn = sqlite3.connect(self._path, timeout=BUSY_WAIT_S, isolation_level=None, check_same_thread=False)
            try:
                conn.executescript(PREPARE)
            except BaseException:
                conn.close()
                raise
            self._conn = conn
        return self._conn


def _used_bytes(conn: sqlite3.Connection) -> int:
    with closing(conn.execute(USED)) as found:
        return int(found.fetchone()[0])


def _about(kind: str, topic: str | None, shop_id: int | None) -> tuple[str, list[Any]]:
    """The condition of what is still to be done, written so that an index serves it."""
    given = {"kind": kind, "topic": topic, "shop_id": shop_id}
    named = {column: value for column, value in given.items() if value is not None}
    return " and ".join([*(f"{column} = ?" for column in named), "dead = 0"]), list(named.values())


def _among(event_ids: Sequence[UUID] | None) -> tuple[str, list[str]]:
    if event_ids is None:
        return "true", []
    return f"id in ({', '.join('?' * len(event_ids))})", [str(one) for one in event_ids]


def _row(event: Event) -> tuple[Any, ...]:
    return (
        str(event.id),
        event.kind,
        event.lane,
        event.shop_id,
        event.topic,
        event.person,
        event.payload,
        event.created_at,
        event.due_at,
    )


def _stored(row: tuple[Any, ...]) -> Stored:
    event_id, kind, lane, shop_id, topic, person, payload, created_at, due_at, attempts, dead, error = row
    event = Event(
        id=UUID(event_id),
        kind=kind,
        lane=lane,
        shop_id=shop_id,
        topic=topic,
        person=person,
        payload=payload,
        created_at=created_at,
        due_at=due_at,
    )
    return Stored(event=event, attempts=attempts, dead=bool(dead), error=error)
