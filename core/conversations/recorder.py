"""What the assistant needs of conversations: to keep a turn at once, to know who speaks and what it did not know."""

from uuid import UUID

import msgspec

from core.answer.turn import Turn
from core.cache.local import LocalCache
from core.conversations.events import TURN, TurnRecord, turn_event
from core.conversations.patience import PATIENCE_S, in_time
from core.db import conversations, handoffs
from core.db.conversations import Known
from core.db.handoffs import Status
from core.db.pool import Database
from core.errors import DatabaseUnavailable, OutboxUnavailable
from core.outbox.event import Event
from core.outbox.outbox import Outbox

LOOK_BACK = 10
REMEMBERED_BYTES = 1024 * 1024


class Seen(msgspec.Struct, frozen=True):
    """How the hand-off of a conversation stands, None without one; not `sure`: as this process knew it last."""

    status: Status | None
    sure: bool = True

    @property
    def is_human(self) -> bool:
        """Whether a human answers: then the assistant is silent."""
        return self.status == "active"


class Recorder:
    """Turns of every shop. No method waits for a slow database longer than `patience_s`."""

    def __init__(self, database: Database, outbox: Outbox, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._database = database
        self._outbox = outbox
        self._status: LocalCache[Status | None] = LocalCache(REMEMBERED_BYTES)

    async def record_turn(self, turn: Turn, *more: Event, turn_id: UUID | None = None) -> None:
        """Keep a turn, and what goes with it: durable on the local disk when this returns, in the database soon after.

        Raises OutboxFull and OutboxUnavailable.
        """
        await self._outbox.put(turn_event(turn, turn_id), *more)

    async def handoff_seen(self, shop_id: int, conversation_id: UUID) -> Seen:
        """How the hand-off of a conversation stands."""
        place = f"{shop_id} {conversation_id}".encode()
        try:
            handoff = await in_time(
                handoffs.of_conversation(self._database, shop_id, conversation_id), self._patience_s
            )
        except DatabaseUnavailable:
            return Seen(self._status.get(place), sure=False)
        status = None if handoff is None else handoff.status
        self._status.put(place, status, 1)
        return Seen(status)

    async def unanswered_in_a_row(self, shop_id: int, conversation_id: UUID) -> int:
        """How many answers up to the last one the assistant did not know; 2 is when to offer a human."""
        try:
            waiting = await self._outbox.pending(TURN, topic=str(conversation_id))
        except OutboxUnavailable:
            waiting = []
        found = [_known(record) for event in waiting if (record := _decode(event.payload)).turn.shop_id == shop_id]
        try:
            written = conversations.last_answered(self._database, shop_id, conversation_id, LOOK_BACK)
            found += await in_time(written, self._patience_s)
        except DatabaseUnavailable:
            pass  # what waits is the newest: it is counted at least
        # By their ids: a turn that was written between the two looks is seen by both.
        newest = sorted({one.id: one for one in found}.values(), key=lambda one: (one.created_at, one.id), reverse=True)
        known = [bool(one.answered) for one in newest]
        return known.index(True) if True in known else len(known)


def _known(record: TurnRecord) -> Known:
    return Known(record.answer_id, record.turn.answered, record.turn.created_at)


_decode = msgspec.json.Decoder(TurnRecord).decode
