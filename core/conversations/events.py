"""What conversations put into the outbox, and how it is written to the database: once, however often it is applied."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec
from uuid_utils.compat import uuid7

from core.answer.turn import Turn
from core.conversations.stated import facts_behind
from core.db import conversations, feedback
from core.db.connection import Connection
from core.db.conversations import Message
from core.db.feedback import Item, Rating
from core.db.pool import Database
from core.outbox.event import Event
from core.outbox.outbox import Applier, Undeliverable

TURN = "turn"
RATING = "rating"
UNKNOWN_SHOP = 0  # of a rating whose conversation could not be looked up in time
GOOD_ENOUGH = 3


class TurnRecord(msgspec.Struct, frozen=True):
    """A turn and the ids of its two messages."""

    turn: Turn
    question_id: UUID
    answer_id: UUID


class RatingRecord(msgspec.Struct, frozen=True):
    """A rating, and the id of the item that it opens in the learning queue."""

    rating: Rating
    item_id: UUID


def is_bad(feedback_type: str, rating: int | None) -> bool:
    """Whether a rating asks for the answer to be looked at."""
    return feedback_type == "thumbs_down" or (rating is not None and rating < GOOD_ENOUGH)


def turn_event(turn: Turn, turn_id: UUID | None = None) -> Event:
    """The event that keeps a turn; under the same `turn_id` it is kept once."""
    event_id = turn_id or uuid7()
    ids = (uuid5(turn_id, "question"), uuid5(turn_id, "answer")) if turn_id else (uuid7(), uuid7())
    record = TurnRecord(turn, *ids)
    return Event(
        id=event_id,
        kind=TURN,
        lane="database",
        shop_id=turn.shop_id,
        topic=str(turn.conversation_id),
        person=turn.user_id,
        payload=msgspec.json.encode(record),
    )


def rating_event(shop_id: int, rating: Rating) -> Event:
    """The event that keeps a rating; the same rating is the same event."""
    return Event(
        id=rating.id,
        kind=RATING,
        lane="database",
        shop_id=shop_id,
        topic=str(rating.conversation_id),
        payload=msgspec.json.encode(RatingRecord(rating, uuid7())),
    )


def appliers(database: Database) -> Mapping[str, Applier]:
    """Of each kind of event how it is written."""

    async def apply_turn(event: Event) -> None:
        record = _turns.decode(event.payload)
        async with database.shop(record.turn.shop_id) as conn:
            await _write_turn(conn, record)

    async def apply_rating(event: Event) -> None:
        record = _ratings.decode(event.payload)
        shop_id = event.shop_id or await conversations.shop_of(database, "conversation", record.rating.conversation_id)
        if shop_id is None:
            raise Undeliverable("there is no conversation of this id")
        async with database.shop(shop_id) as conn:
            await _write_rating(conn, shop_id, record)

    return {TURN: apply_turn, RATING: apply_rating}


async def _write_turn(conn: Connection, record: TurnRecord) -> None:
    turn = record.turn
    shop_id, conversation_id, at = turn.shop_id, turn.conversation_id, turn.created_at
    await conversations.begin(conn, shop_id, conversation_id, user_id=turn.user_id, first=turn.message, at=at)
    question = Message(conversation_id, record.question_id, "user", turn.message, created_at=at)
    answer = Message(
        conversation_id, record.answer_id, "assistant", turn.response, turn.sources, turn.answered, created_at=at
    )
    await conversations.say(conn, shop_id, [question, answer])


async def _write_rating(conn: Connection, shop_id: int, record: RatingRecord) -> None:
    rating = record.rating
    if not await conversations.exists(conn, shop_id, rating.conversation_id):
        raise LookupError("the conversation is not written yet")
    is_new = await feedback.insert_rating(conn, shop_id, rating)
    if is_new and is_bad(rating.feedback_type, rating.rating):
        await feedback.enqueue(conn, shop_id, await _item(conn, shop_id, record))


async def _item(conn: Connection, shop_id: int, record: RatingRecord) -> Item:
    """What the owner is asked: the answer in hand when the visitor rated, with the question before it."""
    rating = record.rating
    exchange = await feedback.last_exchange(conn, shop_id, rating.conversation_id, before=rating.created_at)
    metadata: dict[str, Any] = {"feedbackType": rating.feedback_type, "rating": rating.rating, "reason": rating.reason}
    if exchange is not None:
        metadata["question"] = exchange.question
        metadata["contradictsFacts"] = await facts_behind(conn, shop_id, exchange)
    return Item(
        id=record.item_id,
        status="pending",
        source_type="feedback",
        source_id=rating.id,
        conversation_id=rating.conversation_id,
        proposed_content=exchange.answer if exchange else "",
        metadata=metadata,
    )


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def rating_in(event: Event) -> Rating:
    """The rating that an event keeps."""
    return _ratings.decode(event.payload).rating


_turns = msgspec.json.Decoder(TurnRecord)
_ratings = msgspec.json.Decoder(RatingRecord)
