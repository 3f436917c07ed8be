"""Hand-offs: who waits for a human, who has one, and what was said meanwhile."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from psycopg.rows import args_row

from core.db.connection import Connection
from core.db.pool import Database
from core.db.position import Position

Author = Literal["visitor", "owner", "system"]
Status = Literal["waiting", "overdue", "active", "closed"]
COLUMNS = "id, conversation_id, status, token_hash, contact, created_at, replied_at, overdue_at, closed_at"
OPEN = """
insert into handoff (shop_id, id, conversation_id, token_hash, contact) values (%s, %s, %s, %s, %s)
on conflict (shop_id, conversation_id) where status <> 'closed' do nothing
"""
COUNT_OPEN = "select count(*) from handoff where shop_id = %s and status <> 'closed'"
GET = f"select {COLUMNS} from handoff where shop_id = %s and id = %s"  # noqa: S608 - constants of this module
LOCK = f"{GET} for update"
WANTED = "shop_id = %(shop_id)s and (%(closed)s or status <> 'closed')"
LIST = f"""
select {COLUMNS} from handoff
where {WANTED} and (%(created_at)s::timestamptz is null or (created_at, id) < (%(created_at)s, %(id)s::uuid))
order by created_at desc, id desc
limit %(limit)s
"""  # noqa: S608 - constants of this module
COUNT = f"select count(*) from handoff where {WANTED}"  # noqa: S608 - constants of this module
# The last line of each, by the index of the lines.
OPEN_WITH_LAST = """
from handoff cross join lateral (
    select author, created_at from handoff_event
    where handoff_event.shop_id = handoff.shop_id and handoff_id = handoff.id order by number desc limit 1
) as last
where handoff.shop_id = %(shop_id)s and handoff.status <> 'closed'
"""
SILENT = f"""
select handoff.id {OPEN_WITH_LAST}
    and (handoff.status = 'active' or overdue_at is not null) and last.created_at < now() - %(silent_for)s
order by last.created_at limit 1000
"""
# Whom nobody answered first, then whom the owner spoke to last, then what the patience of was lost.
LEAST_MISSED = f"""
select handoff.id {OPEN_WITH_LAST} and (
    overdue_at is not null or (handoff.status = 'active' and last.author = 'owner')
    or last.created_at < now() - %(silent_for)s
)
order by overdue_at is null, handoff.status <> 'active', last.created_at limit 1
for update of handoff skip locked
"""
SAID_SINCE = """
select from handoff_event where shop_id = %s and handoff_id = %s and created_at >= now() - %s
"""
OF_CONVERSATION = f"""
select {COLUMNS} from handoff where shop_id = %s and conversation_id = %s and status <> 'closed'
"""  # noqa: S608 - constants of this module
APPEND = """
insert into handoff_event (shop_id, handoff_id, number, kind, author, status, content)
select %(shop_id)s, %(id)s, coalesce(max(number), 0) + 1, %(kind)s, %(author)s, %(status)s, %(content)s
from handoff_event where shop_id = %(shop_id)s and handoff_id = %(id)s
returning number, kind, author, status, content, created_at
"""
EVENTS = """
select number, kind, author, status, content, created_at from handoff_event
where shop_id = %s and handoff_id = %s and number > %s order by number limit %s
"""
NEWEST = """
select id, (
    select number from handoff_event where shop_id = %s and handoff_id = id order by number desc limit 1
)
from unnest(%s::uuid[]) as id
"""
ANSWERED_SINCE = """
select from handoff_event where shop_id = %s and handoff_id = %s and number > %s and author = 'owner'
"""
REPLY = """
update handoff set status = 'active', replied_at = coalesce(replied_at, now()), overdue_at = null
where shop_id = %s and id = %s
"""
OVERDUE = "update handoff set overdue_at = now() where shop_id = %s and id = %s"
CLOSE = "update handoff set status = 'closed', closed_at = now() where shop_id = %s and id = %s"
CONTACT = "select email, webhook_url, webhook_secret from shop_contact where shop_id = %s"


class Handoff(msgspec.Struct, frozen=True):
    """A conversation that somebody asked a human to take over."""

    id: UUID
    conversation_id: UUID
    row_status: Literal["waiting", "active", "closed"]
    token_hash: bytes
    contact: str | None
    created_at: datetime
    replied_at: datetime | None
    overdue_at: datetime | None
    closed_at: datetime | None

    @property
    def status(self) -> Status:
        """`overdue` is what waits, or was let down by its human, for longer than it should."""
        return "overdue" if self.overdue_at is not None and self.row_status != "closed" else self.row_status

    @property
    def is_with_human(self) -> bool:
        """Whether a human has taken over and still answers: then the assistant is silent."""
        return self.status == "active"


class Page(msgspec.Struct, frozen=True):
    """Hand-offs newest first; `total` counts all that match, `after` is None on the last page."""

    handoffs: list[Handoff]
    total: int
    after: Position | None


class Event(msgspec.Struct, frozen=True):
    """One line of a hand-off, and the status after it."""

    number: int
    kind: Literal["message", "state"]
    author: Author
    status: Status
    content: str
    created_at: datetime


class Contact(msgspec.Struct, frozen=True):
    """Whom to tell of a shop's hand-offs."""

    email: str | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None


async def open_handoff(  # noqa: PLR0913 - the columns of a row
    conn: Connection, shop_id: int, handoff_id: UUID, *, conversation_id: UUID, token_hash: bytes, contact: str | None
) -> bool:
    """Add a hand-off; False when the conversation has an open one."""
    return (await conn.execute(OPEN, [shop_id, handoff_id, conversation_id, token_hash, contact])).rowcount > 0


async def count_open(conn: Connection, shop_id: int) -> int:
    """How many hand-offs of the shop are not closed."""
    found = await (await conn.execute(COUNT_OPEN, [shop_id])).fetchone()
    assert found is not None
    return int(found[0])


async def get(database: Database, shop_id: int, handoff_id: UUID) -> Handoff | None:
    """One hand-off, or None. Raises DatabaseUnavailable."""
    rows = await database.read(shop_id, GET, [shop_id, handoff_id], row_factory=args_row(Handoff))
    return rows[0] if rows else None


async def lock(conn: Connection, shop_id: int, handoff_id: UUID) -> Handoff | None:
    """One hand-off, to which nobody else adds until the transaction ends."""
    cursor = conn.cursor(row_factory=args_row(Handoff))
    await cursor.execute(LOCK, [shop_id, handoff_id])
    return await cursor.fetchone()


async def listed(database: Database, shop_id: int, *, closed: bool, limit: int, after: Position | None = None) -> Page:
    """At most `limit` hand-offs that come after a position, newest first, with those that are closed or without.

    Raises DatabaseUnavailable.
    """
    values = {
        "shop_id": shop_id,
        "closed": closed,
        "limit": limit + 1,
        "created_at": after.created_at if after else None,
        "id": after.id if after else None,
    }
    found = await database.read(shop_id, LIST, values, row_factory=args_row(Handoff))
    [(total,)] = await database.read(shop_id, COUNT, {"shop_id": shop_id, "closed": closed})
    shown = found[:limit]
    last = Position(shown[-1].created_at, shown[-1].id) if len(found) > limit else None
    return Page(shown, int(total), last)


async def silent(database: Database, shop_id: int, silent_for: timedelta) -> list[UUID]:
    """Hand-offs in which nobody has said anything for so long, not counted those that still may expect an answer.

    Raises DatabaseUnavailable.
    """
    rows = await database.read(shop_id, SILENT, {"shop_id": shop_id, "silent_for": silent_for})
    return [handoff_id for (handoff_id,) in rows]


async def least_missed(conn: Connection, shop_id: int, silent_for: timedelta) -> UUID | None:
    """The open hand-off, locked, whose end takes least from anybody; None where all may still expect an answer."""
    found = await (await conn.execute(LEAST_MISSED, {"shop_id": shop_id, "silent_for": silent_for})).fetchone()
    return None if found is None else found[0]


async def is_silent(conn: Connection, shop_id: int, handoff_id: UUID, silent_for: timedelta) -> bool:
    """Whether nobody has said anything in a hand-off for so long."""
    return (await conn.execute(SAID_SINCE, [shop_id, handoff_id, silent_for])).rowcount == 0


async def of_conversation(database: Database, shop_id: int, conversation_id: UUID) -> Handoff | None:
    """The open hand-off of a conversation, or None. Raises DatabaseUnavailable."""
    rows = await database.read(shop_id, OF_CONVERSATION, [shop_id, conversation_id], row_factory=args_row(Handoff))
    return rows[0] if rows else None


async def append(  # noqa: PLR0913 - the columns of a row
    conn: Connection, shop_id: int, handoff_id: UUID, *, kind: str, author: Author, status: Status, content: str
) -> Event:
    """Add a line to a hand-off that is locked, or was made in this transaction."""
    cursor = conn.cursor(row_factory=args_row(Event))
    values = {"shop_id": shop_id, "id": handoff_id, "kind": kind, "author": author, "status": status}
    await cursor.execute(APPEND, {**values, "content": content})
    event = await cursor.fetchone()
    assert event is not None
    return event


async def events(database: Database, shop_id: int, handoff_id: UUID, *, after: int, limit: int) -> list[Event]:
    """The lines after a number, in order. Raises DatabaseUnavailable."""
    return await database.read(shop_id, EVENTS, [shop_id, handoff_id, after, limit], row_factory=args_row(Event))


async def newest_lines(database: Database, shop_id: int, handoff_ids: Collection[UUID]) -> dict[UUID, int]:
    """The number of the newest line of each of these hand-offs. Raises DatabaseUnavailable."""
    rows = await database.read(shop_id, NEWEST, [shop_id, list(handoff_ids)])
    return {handoff_id: number or 0 for handoff_id, number in rows}


async def was_answered(conn: Connection, shop_id: int, handoff_id: UUID, *, since: int) -> bool:
    """Whether the owner said anything after a line."""
    return (await conn.execute(ANSWERED_SINCE, [shop_id, handoff_id, since])).rowcount > 0


async def note_reply(conn: Connection, shop_id: int, handoff_id: UUID) -> None:
    """From now on a human has the conversation."""
    await conn.execute(REPLY, [shop_id, handoff_id])


async def note_overdue(conn: Connection, shop_id: int, handoff_id: UUID) -> None:
    """Nobody has answered for too long."""
    await conn.execute(OVERDUE, [shop_id, handoff_id])


async def note_closed(conn: Connection, shop_id: int, handoff_id: UUID) -> None:
    """The assistant has the conversation again."""
    await conn.execute(CLOSE, [shop_id, handoff_id])


async def contact_of(conn: Connection, shop_id: int) -> Contact:
    """Whom the operator named for this shop; nobody at all where there is no such row."""
    cursor = conn.cursor(row_factory=args_row(Contact))
    await cursor.execute(CONTACT, [shop_id])
    return await cursor.fetchone() or Contact()
