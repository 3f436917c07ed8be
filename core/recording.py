"""Where a complete answer is handed on, before its caller has it, and where a human takes over from the assistant."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from itertools import takewhile
from uuid import UUID

import msgspec

from core.answer.compose import UNKNOWN
from core.answer.events import Answered, Event, Status
from core.answer.history import Turn as Said
from core.answer.offers import reply_to_offer
from core.answer.turn import Turn
from core.conversations.patience import in_time
from core.conversations.recorder import Seen
from core.errors import DatabaseUnavailable, OutboxUnavailable
from core.handoff.incoming import Incoming, unheard_event
from core.services import Services

OFFERED_AFTER = 2
NOT_KNOWN = UNKNOWN.partition(".")[0]  # what is offered with it may differ

_SILENCE = Answered("", "human")
_log = logging.getLogger(__name__)


async def record_turn(
    services: Services, turn: Turn, unheard: Incoming | None = None, turn_id: UUID | None = None
) -> bool:
    """Keep a turn on the local disk, from where it goes to the database; a slow one is not waited for.

    Whether it is kept: where the disk takes nothing the visitor is answered all the same, and told so; the log and a
    metric count it. Of a shop that there is not nothing is kept: whoever asks for one must not make it. `unheard` is
    the message, where a human may have the conversation: with the turn it is kept for them. Of the same `turn_id` one
    turn is kept.
    """
    services.turns.count(answered=turn.answered)
    if not await _exists(services, turn.shop_id):
        return False
    try:
        more = [] if unheard is None else [unheard_event(unheard, turn.created_at)]
        await services.recorder.record_turn(turn, *more, turn_id=turn_id)
    except OutboxUnavailable as error:
        services.turns.lost += 1
        _log.warning("a turn was not kept: %s", error)
        return False
    return True


async def _exists(services: Services, shop_id: int) -> bool:
    try:
        return await in_time(services.searcher.knows(shop_id))
    except DatabaseUnavailable:
        return True  # found out when the turn is written


class Standing(msgspec.Struct, frozen=True):
    """How a visitor stands with the humans of a shop.

    `passed`: a human has the conversation, and the message was given to them; `waits`: one was asked for and has not
    taken it over; `offered`: the last answer was not known, and offered one. `unsure`: nobody could say who has it.
    """

    passed: bool = False
    waits: bool = False
    offered: bool = False
    unsure: bool = False


async def standing(services: Services, incoming: Incoming | None) -> Standing:
    """Give a message to the human who has the conversation, if one has; else how the visitor stands.

    Without `incoming` the conversation begins with it.

    Raises DatabaseUnavailable when a human has it and the message cannot be given.
    """
    if incoming is None:
        return Standing()
    shop_id, conversation_id, recorder = incoming.shop_id, incoming.conversation_id, services.recorder
    seen = await recorder.handoff_seen(shop_id, conversation_id)
    if seen.is_human and await services.desk.pass_on(incoming):
        return Standing(passed=True)
    replies = reply_to_offer(incoming.text) is not None
    offered = replies and await recorder.unanswered_in_a_row(shop_id, conversation_id) > 0
    return Standing(waits=seen.status in {"waiting", "overdue"}, offered=offered, unsure=not seen.sure)


async def unless_taken(
    services: Services, incoming: Incoming | None, events: AsyncGenerator[Event, None], *, whole: bool, unsure: bool
) -> AsyncGenerator[Event, None]:
    """The events of an answer; silence where a human took the conversation over while it waited for the model.

    It is looked at once, before the first words are seen: with `whole` that is when all of them are there. Whoever has
    read the beginning of an answer is given its end. `unsure`: nobody could say who has the conversation, before.
    """
    to_look = False
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Status):
                to_look = to_look or event.state != "searching"
            elif to_look and (isinstance(event, Answered) or not whole):
                to_look = False
                seen = await _seen(services, incoming)
                unsure = not seen.sure
                if incoming is not None and seen.is_human and await services.desk.pass_on(incoming):
                    yield _SILENCE
                    return
            yield msgspec.structs.replace(event, unsure=unsure) if isinstance(event, Answered) else event


async def _seen(services: Services, incoming: Incoming | None) -> Seen:
    if incoming is None:
        return Seen(None)
    return await services.recorder.handoff_seen(incoming.shop_id, incoming.conversation_id)


async def silence() -> AsyncGenerator[Event, None]:
    """What the assistant says while a human has the conversation."""
    yield _SILENCE


async def human_is_due(
    services: Services, shop_id: int, conversation_id: UUID, answer: Answered, history: Sequence[Said] = ()
) -> bool:
    """Whether to offer a human: one was asked for, or the assistant did not know twice in a row.

    `history` is what the caller tells of the conversation: all that is known of one that has no id. Not to a visitor
    who waits for one already.
    """
    if answer.waits:
        return False
    if answer.kind == "handoff":
        return True
    if answer.known:
        return False
    if told_unknown(history) + 1 >= OFFERED_AFTER:
        return True
    return await services.recorder.unanswered_in_a_row(shop_id, conversation_id) >= OFFERED_AFTER


def told_unknown(history: Sequence[Said]) -> int:
    """How many of the assistant's answers up to the last one said that it did not know."""
    answers = [said.content for said in history if said.role == "assistant"]
    return sum(1 for _ in takewhile(lambda text: text.startswith(NOT_KNOWN), reversed(answers)))


def turn_of(answer: Answered, message: str, *, shop_id: int, conversation_id: UUID, user_id: str | None) -> Turn:
    """A message and its answer of now, as they are kept."""
    return Turn(
        shop_id=shop_id,
        conversation_id=conversation_id,
        user_id=user_id,
        message=message,
        response=answer.text,
        sources=[msgspec.to_builtins(one) for one in answer.sources],
        answered=answer.known,
        created_at=datetime.now(UTC),
    )
