"""What people say of answers: ratings kept at once, corrections and transcripts that ask the owner to decide."""

from typing import Any
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from core.conversations.archive import SETTLE_S, missing
from core.conversations.contradiction import contradicted
from core.conversations.events import RATING, TURN, UNKNOWN_SHOP, now, rating_event, rating_in
from core.conversations.patience import in_time
from core.conversations.stated import facts_behind
from core.db import conversations, feedback
from core.db.connection import Connection
from core.db.feedback import Correction, Item, Rating
from core.db.pool import Database
from core.errors import DatabaseUnavailable, IdempotencyConflict
from core.outbox.outbox import Outbox
from core.retrieval.searcher import Result, Searcher, SearchQuery

NEAREST = 3
QUESTION_LENGTH = 2000
SHOWN = ("id", "content", "category", "similarity")


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said aloud that the assistant should have said."""

    id: UUID
    conversation_id: UUID | None
    transcript: str
    metadata: dict[str, Any]


class Neighbours(msgspec.Struct, frozen=True):
    """Existing passages about what was corrected: the nearest, and of them those that say what was wrong."""

    nearest: list[Result] = []
    contradicts: list[Result] = []

    def metadata(self) -> dict[str, Any]:
        """As the owner is shown them, beside what is proposed."""
        return {
            "nearest": [_shown(one) for one in self.nearest],
            "contradicts": [_shown(one) for one in self.contradicts],
        }


class Feedback:
    """Ratings never wait for a slow database; corrections raise DatabaseUnavailable and ModelOverloaded."""

    def __init__(self, database: Database, outbox: Outbox, searcher: Searcher) -> None:
        self._database = database
        self._outbox = outbox
        self._searcher = searcher

    async def rate(self, rating: Rating, shop_id: int | None = None, *, keyed: bool) -> Rating:
        """Keep a visitor's rating; the first of its id is what stands, and returned. `keyed`: there may be one before.

        Raises NotFound for a conversation that is known not to exist, IdempotencyConflict when another rating has the
        id, OutboxFull and OutboxUnavailable. While the database is away only what has not reached it yet is seen.
        Without a shop it is the first that has the conversation.
        """
        shop_id = await self._shop_of(rating.conversation_id, shop_id)
        first = await self._first(shop_id, rating) if keyed else None
        if first is None:
            await self._outbox.put(rating_event(shop_id, rating))
            # Of two at once the outbox keeps one.
            first = await self._first(shop_id, rating) if keyed else None
        if first is not None and _said(first) != _said(rating):
            raise IdempotencyConflict("This Idempotency-Key was used for another rating of this conversation.")
        return first or rating

    async def _first(self, shop_id: int, rating: Rating) -> Rating | None:
        for event in await self._outbox.pending(RATING, topic=str(rating.conversation_id)):
            if event.id == rating.id:
                return rating_in(event)
        if shop_id == UNKNOWN_SHOP:
            return None
        try:
            return await in_time(feedback.get_rating(self._database, shop_id, rating.id))
        except DatabaseUnavailable:
            return None

    async def _shop_of(self, conversation_id: UUID, named: int | None) -> int:
        waiting = await self._outbox.pending(TURN, topic=str(conversation_id), shop_id=named)
        if waiting:
            return waiting[0].shop_id
        try:
            shop_id = await in_time(self._written(conversation_id, named))
        except DatabaseUnavailable:
            return named or UNKNOWN_SHOP
        if shop_id is None:
            # Whoever names no shop is told no more than that.
            raise missing(conversation_id)
        return shop_id

    async def _written(self, conversation_id: UUID, named: int | None) -> int | None:
        if named is None:
            return await conversations.shop_of(self._database, "conversation", conversation_id)
        found = await conversations.get(self._database, named, conversation_id)
        return None if found is None else named

    async def neighbours(self, shop_id: int, corrected: str, original: str | None = None) -> Neighbours:
        """What the shop's passages say already."""
        found = await self._near(shop_id, corrected)
        if original is None:
            return Neighbours(found[:NEAREST])
        blamed = await self._near(shop_id, original)
        known = {one.id for one in found}
        nearest = [*found, *(one for one in blamed if one.id not in known)]
        wrong = contradicted(original, corrected, blamed)
        first = {one.id for one in wrong}
        return Neighbours([*wrong, *(one for one in nearest if one.id not in first)][:NEAREST], wrong[:NEAREST])

    async def correct(self, conn: Connection, shop_id: int, correction: Correction, near: Neighbours) -> UUID:
        """Keep a correction and ask the owner; the item's id. Raises NotFound."""
        if not await conversations.exists(conn, shop_id, correction.conversation_id):
            raise missing(correction.conversation_id)
        exchange = await feedback.last_exchange(
            conn, shop_id, correction.conversation_id, before=now(), answer=correction.original_response
        )
        await feedback.insert_correction(conn, shop_id, correction)
        about = {
            "question": exchange.question if exchange else None,
            "originalResponse": correction.original_response,
            "correctionContext": correction.context,
            "contradictsFacts": await facts_behind(conn, shop_id, exchange),
        }
        item = Item(
            id=uuid7(),
            status="pending",
            source_type="correction",
            source_id=correction.id,
            conversation_id=correction.conversation_id,
            proposed_content=correction.corrected_answer,
            category=near.contradicts[0].category if near.contradicts else None,
            confidence_score=1.0,
            priority=correction.priority,
            metadata={**about, **near.metadata()},
        )
        await feedback.enqueue(conn, shop_id, item)
        return item.id

    async def transcribe(self, conn: Connection, shop_id: int, spoken: Transcript, near: Neighbours) -> None:
        """Keep a transcript and ask the owner. Raises NotFound."""
        if spoken.conversation_id is None:
            await conversations.lock_shop(conn)
        elif not await conversations.exists(conn, shop_id, spoken.conversation_id):
            raise missing(spoken.conversation_id)
        await feedback.insert_transcript(
            conn,
            shop_id,
            transcript_id=spoken.id,
            conversation_id=spoken.conversation_id,
            transcript=spoken.transcript,
            metadata=spoken.metadata,
        )
        item = Item(
            id=uuid7(),
            status="pending",
            source_type="voice",
            source_id=spoken.id,
            conversation_id=spoken.conversation_id,
            proposed_content=spoken.transcript,
            confidence_score=1.0,
            metadata=near.metadata(),
        )
        await feedback.enqueue(conn, shop_id, item)

    async def page(
        self, shop_id: int, *, status: str | None, source_type: str | None, limit: int, offset: int
    ) -> tuple[list[Item], int]:
        """Items of the learning queue, and how many match in all: with those that acknowledged ratings open."""
        await self._outbox.settle(RATING, SETTLE_S, shop_id=shop_id)
        return await feedback.page(
            self._database, shop_id, status=status, source_type=source_type, limit=limit, offset=offset
        )

    async def settle(self, conversation_id: UUID) -> None:
        """Let turns that were acknowledged be written first, a second at most."""
        await self._outbox.settle(TURN, SETTLE_S, topic=str(conversation_id))

    async def _near(self, shop_id: int, text: str) -> list[Result]:
        query = SearchQuery(text.strip()[:QUESTION_LENGTH], shop_id, limit=NEAREST)
        return list((await self._searcher.search(query)).results)


def _shown(result: Result) -> dict[str, Any]:
    return {name: getattr(result, name) for name in SHOWN}


def _said(rating: Rating) -> tuple[Any, ...]:
    """What somebody says with a rating, whenever they do."""
    return rating.feedback_type, rating.rating, rating.reason, rating.metadata
