"""What passages were before an approval changed them."""

from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import args_row
from psycopg.types.json import Jsonb

from core.db.connection import Connection
from core.db.passages import GET, Passage

KEEP = """
insert into passage_history
    (shop_id, id, passage_id, learning_queue_id, content, category, source, metadata, applied, changed_by)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
LAST = """
select id, passage_id, content, category, source, metadata, applied from passage_history
where shop_id = %s and learning_queue_id = %s and undone_at is null order by changed_at desc, id desc limit 1
for update
"""
UNDONE = "update passage_history set undone_by = %s, undone_at = now() where shop_id = %s and id = %s"
LOCK = f"{GET} for update"


class Change(msgspec.Struct, frozen=True):
    """A passage before it was changed (no content: it did not exist), and the text that was put there."""

    id: UUID
    passage_id: UUID
    content: str | None
    category: str | None
    source: str | None
    metadata: dict[str, Any] | None
    applied: str

    @property
    def before(self) -> Passage | None:
        """The passage as it was, None where there was none."""
        if self.content is None:
            return None
        return Passage(self.passage_id, self.content, self.category, self.source, self.metadata or {})


async def lock_passage(conn: Connection, shop_id: int, passage_id: UUID) -> Passage | None:
    """One passage, which nobody else changes until the transaction ends."""
    cursor = conn.cursor(row_factory=args_row(Passage))
    await cursor.execute(LOCK, [shop_id, passage_id])
    return await cursor.fetchone()


async def keep(conn: Connection, shop_id: int, item_id: UUID, change: Change, by: str) -> None:
    """Write down what an approval is about to change."""
    values = [shop_id, change.id, change.passage_id, item_id, change.content, change.category, change.source]
    metadata = None if change.metadata is None else Jsonb(change.metadata)
    await conn.execute(KEEP, [*values, metadata, change.applied, by])


async def last(conn: Connection, shop_id: int, item_id: UUID) -> Change | None:
    """The change that the approval of an item made and that was not undone."""
    cursor = conn.cursor(row_factory=args_row(Change))
    await cursor.execute(LAST, [shop_id, item_id])
    return await cursor.fetchone()


async def mark_undone(conn: Connection, shop_id: int, change_id: UUID, by: str) -> None:
    """Write down that a change is no more."""
    await conn.execute(UNDONE, [by, shop_id, change_id])
