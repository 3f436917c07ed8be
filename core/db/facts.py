"""Typed facts as versioned documents. Writers take a connection of `Database.shop`, readers the Database itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import args_row
from psycopg.types.json import Jsonb

from core.db.connection import Connection
from core.db.conversations import lock_shop
from core.db.pool import Database

COLUMNS = "version, document, action, restores, key_id, created_at"
CURRENT = f"select {COLUMNS} from fact where shop_id = %s order by version desc limit 1"  # noqa: S608 - constants
ONE = f"select {COLUMNS} from fact where shop_id = %s and version = %s"  # noqa: S608 - constants of this module
PAGE = f"""
select {COLUMNS} from fact where shop_id = %s and version < %s order by version desc limit %s
"""  # noqa: S608 - constants of this module
COUNT = "select count(*) from fact where shop_id = %s"
# Clocks may step back; history is in the order of its versions.
INSERT = f"""
insert into fact (shop_id, version, document, action, restores, key_id, created_at)
select %(shop_id)s, coalesce(max(version), 0) + 1, %(document)s, %(action)s, %(restores)s, %(key_id)s,
    greatest(now(), max(created_at))
from fact where shop_id = %(shop_id)s
returning {COLUMNS}
"""  # noqa: S608 - constants of this module


class FactVersion(msgspec.Struct, frozen=True):
    """One version; `document` is None where there were no facts, `restores` the version that an undo went back to."""

    version: int
    document: dict[str, Any] | None
    action: str
    restores: int | None
    key_id: UUID | None
    created_at: datetime


async def current(database: Database, shop_id: int) -> FactVersion | None:
    """The newest version, or None for a shop that never had facts. Raises DatabaseUnavailable."""
    rows = await database.read(shop_id, CURRENT, [shop_id], row_factory=args_row(FactVersion))
    return rows[0] if rows else None


async def current_locked(conn: Connection, shop_id: int) -> FactVersion | None:
    """The newest version; until the transaction ends nobody else writes one."""
    await lock_shop(conn)
    cursor = conn.cursor(row_factory=args_row(FactVersion))
    return await (await cursor.execute(CURRENT, [shop_id])).fetchone()


async def newest(conn: Connection, shop_id: int) -> FactVersion | None:
    """The newest version, or None."""
    cursor = conn.cursor(row_factory=args_row(FactVersion))
    return await (await cursor.execute(CURRENT, [shop_id])).fetchone()


async def one(conn: Connection, shop_id: int, version: int) -> FactVersion | None:
    """One version, or None."""
    cursor = conn.cursor(row_factory=args_row(FactVersion))
    return await (await cursor.execute(ONE, [shop_id, version])).fetchone()


async def history(database: Database, shop_id: int, *, before: int, limit: int) -> list[FactVersion]:
    """Versions below `before`, newest first. Raises DatabaseUnavailable."""
    return await database.read(shop_id, PAGE, [shop_id, before, limit], row_factory=args_row(FactVersion))


async def count(database: Database, shop_id: int) -> int:
    """How many versions there are. Raises DatabaseUnavailable."""
    rows = await database.read(shop_id, COUNT, [shop_id])
    return int(rows[0][0])


async def append(
    conn: Connection, shop_id: int, document: dict[str, Any] | None, *, restores: int | None, key_id: UUID | None
) -> FactVersion:
    """Write the next version: a document, or an undo that restores an earlier one."""
    values = {
        "shop_id": shop_id,
        "document": None if document is None else Jsonb(document),
        "action": "put" if restores is None else "undo",
        "restores": restores,
        "key_id": key_id,
    }
    cursor = conn.cursor(row_factory=args_row(FactVersion))
    written = await (await cursor.execute(INSERT, values)).fetchone()
    assert written is not None, "an insert returns its row"
    return written
