"""The owner decides: what is approved is knowledge in the same transaction, and can be taken back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from core.conversations.stated import still_said
from core.db import feedback, history
from core.db.connection import Connection
from core.db.conversations import lock_shop
from core.db.feedback import Item
from core.db.history import Change
from core.db.passages import Passage, delete_passage, insert_passages, replace_passage
from core.db.pool import Database
from core.errors import Conflict, FieldError, InvalidRequest, NotFound
from core.knowledge.embedding import Vectors, require_unchanged
from core.knowledge.learner import Learner
from core.knowledge.once import Once, Reply, write_once

SOURCE = "learning-queue"


class Decision(msgspec.Struct, frozen=True):
    """What became of an item; `passage_id` is the passage that was written, or taken back.

    `facts` are in words the typed facts that still say what was corrected: they are told, and the passage is not.
    """

    item_id: UUID
    previous: str
    new: str
    passage_id: UUID | None
    facts: Sequence[str] = ()


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner says: `content` in place of what is proposed; `replace` the passage that it contradicts.

    `replaces` is the passage to replace, of those that the item shows, where the owner chose one.
    """

    by: str
    approve: bool = True
    content: str | None = None
    replace: bool = True
    replaces: UUID | None = None


Respond = Callable[[Decision], Reply]


class _Written(msgspec.Struct, frozen=True):
    passage: Passage
    vectors: Vectors


class Review:
    """Decisions and their undoing. Raises NotFound, Conflict, DatabaseUnavailable, and what embedding may raise."""

    def __init__(self, database: Database, learner: Learner) -> None:
        self._database = database
        self._learner = learner

    async def decide(
        self, shop_id: int, item_id: UUID, verdict: Verdict, respond: Respond, once: Once | None = None
    ) -> Reply:
        """Approve or reject an item. The same decision again changes nothing, another one is a Conflict."""
        wanted = "approved" if verdict.approve else "rejected"
        known = await feedback.get_item(self._database, shop_id, item_id)
        if known is None:
            raise _missing(item_id)
        embeds = verdict.approve and known.status == "pending"
        written = await self._embedded(shop_id, _passage(known, verdict)) if embeds else None

        async def write(conn: Connection) -> Reply:
            item = await _locked(conn, shop_id, item_id)
            facts = await still_said(conn, shop_id, item) if verdict.approve else []
            if item.status == wanted:
                return _reply(item, respond(Decision(item_id, wanted, wanted, item.passage_id, facts)))
            if item.status != "pending" or embeds != verdict.approve:
                raise Conflict(f"This is {item.status} already; undo that first.")
            target = None if written is None else await _write(conn, shop_id, item, written, verdict)
            await feedback.decide(conn, shop_id, item_id, status=wanted, by=verdict.by, passage_id=target)
            return _reply(item, respond(Decision(item_id, item.status, wanted, target, facts)))

        return await write_once(self._database, shop_id, once, write)

    async def undo(self, shop_id: int, item_id: UUID, by: str, respond: Respond, once: Once | None = None) -> Reply:
        """Take a decision back: the passage is what it was before, the item waits again."""
        async with self._database.shop(shop_id) as conn:
            await _locked(conn, shop_id, item_id)
            change = await history.last(conn, shop_id, item_id)
        before = None if change is None else change.before
        written = None if before is None else await self._embedded(shop_id, before)

        async def write(conn: Connection) -> Reply:
            item = await _locked(conn, shop_id, item_id)
            if item.status == "pending":
                raise Conflict("Nothing was decided here that could be undone.")
            if await history.last(conn, shop_id, item_id) != change:
                raise Conflict("Another request changed this at the same time; look again.")
            if change is not None:
                await _take_back(conn, shop_id, change, written)
                await history.mark_undone(conn, shop_id, change.id, by)
            await feedback.decide(conn, shop_id, item_id, status="pending", by=None, passage_id=None)
            return _reply(item, respond(Decision(item_id, item.status, "pending", item.passage_id)))

        return await write_once(self._database, shop_id, once, write)

    async def _embedded(self, shop_id: int, passage: Passage) -> _Written:
        return _Written(passage, await self._learner.embed(shop_id, [passage.content]))


def _reply(item: Item, reply: Reply) -> Reply:
    return msgspec.structs.replace(reply, about=item.conversation_id)


async def _write(conn: Connection, shop_id: int, item: Item, written: _Written, verdict: Verdict) -> UUID:
    """Put the approved text in the place of the passage that it contradicts, or beside the others; the passage's id."""
    before = await _replaced(conn, shop_id, item, verdict)
    passage = written.passage if before is None else _in_place_of(before, written.passage)
    change = Change(
        uuid7(),
        passage.id,
        before.content if before else None,
        before.category if before else None,
        before.source if before else None,
        before.metadata if before else None,
        passage.content,
    )
    await history.keep(conn, shop_id, item.id, change, verdict.by)
    if before is None:
        await insert_passages(conn, shop_id, written.vectors.space, [(passage, written.vectors.of_passages[0])])
    else:
        await replace_passage(conn, shop_id, written.vectors.space, passage, written.vectors.of_passages[0])
    await require_unchanged(conn, shop_id, written.vectors)
    return passage.id


async def _replaced(conn: Connection, shop_id: int, item: Item, verdict: Verdict) -> Passage | None:
    """The passage to be replaced, as the owner was shown it; None when there is none, or none any more."""
    shown = _chosen(item, verdict)
    if shown is None:
        return None
    found = await history.lock_passage(conn, shop_id, UUID(shown["id"]))
    if found is not None and found.content != shown["content"]:
        raise Conflict("The passage that this replaces was changed since: reject this, or send replace: false.")
    return found


def _chosen(item: Item, verdict: Verdict) -> Mapping[str, Any] | None:
    """What the item shows of the passage to be replaced."""
    contradicts: list[Mapping[str, Any]] = item.metadata.get("contradicts") or []
    nearest: list[Mapping[str, Any]] = item.metadata.get("nearest") or []
    if verdict.replaces is None:
        return contradicts[0] if contradicts and verdict.replace else None
    found = next((one for one in [*contradicts, *nearest] if one["id"] == str(verdict.replaces)), None)
    if found is None:
        raise _broken("replaces", "is none of the passages that this item shows")
    return found


async def _take_back(conn: Connection, shop_id: int, change: Change, written: _Written | None) -> None:
    current = await history.lock_passage(conn, shop_id, change.passage_id)
    if current is None or current.content != change.applied:
        raise Conflict("The passage was changed since: what it was before would be lost.")
    if written is None:
        await delete_passage(conn, shop_id, change.passage_id)
    else:
        await replace_passage(conn, shop_id, written.vectors.space, written.passage, written.vectors.of_passages[0])
        await require_unchanged(conn, shop_id, written.vectors)


async def _locked(conn: Connection, shop_id: int, item_id: UUID) -> Item:
    await lock_shop(conn)  # before the row, as under a key: else two writers wait for each other
    item = await feedback.lock_item(conn, shop_id, item_id)
    if item is None:
        raise _missing(item_id)
    return item


def _passage(item: Item, verdict: Verdict) -> Passage:
    if verdict.content is None and item.source_type == "feedback":
        raise _broken("content", "is needed: what is proposed is the answer that was rated badly")
    content = (verdict.content or item.proposed_content).strip()
    if not content:
        raise _broken("content", "is needed: nothing is proposed here")
    return Passage(uuid7(), content, item.category, SOURCE, {"learningQueueId": str(item.id)})


def _broken(field: str, detail: str) -> InvalidRequest:
    return InvalidRequest(f"{field}: {detail}", errors=(FieldError(f"/{field}", detail),))


def _in_place_of(before: Passage, passage: Passage) -> Passage:
    metadata = {**before.metadata, **passage.metadata}
    return Passage(before.id, passage.content, before.category, before.source, metadata)


def _missing(item_id: UUID) -> NotFound:
    return NotFound(f"This shop's learning queue has no item {item_id}.")
