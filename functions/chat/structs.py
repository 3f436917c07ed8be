"""What callers send to chat, and what they get: one JSON object, or the same as events."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from core.answer.events import Answered, Question, Rung, Source
from core.http.fields import Id, ShopId, Threshold, Timestamp, UserId, timestamp_of, visible_pattern
from core.observe.log import timestamp
from core.recording import Standing

MOST_TURNS = 50
Said = Annotated[str, msgspec.Meta(pattern=visible_pattern(4000), description="1 to 4000 characters after trimming")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=100, description="The most passages to rest an answer on, 1 to 100")]


class HistoryItem(msgspec.Struct, frozen=True):
    """A turn before the message. What a system says is passed over: it is not for a visitor's page to set rules."""

    role: Literal["user", "assistant", "system"]
    content: str


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A visitor's message to a shop, and what was said before."""

    message: Said
    shop_id: ShopId = 1
    conversation_history: Annotated[tuple[HistoryItem, ...], msgspec.Meta(max_length=MOST_TURNS)] = ()
    limit: Limit = 3
    threshold: Threshold | None = None
    conversation_id: UUID | None = None
    user_id: UserId | None = None

    def to_question(self, now: datetime, stands: Standing) -> Question:
        """The message as the assistant takes it."""
        return Question(
            message=self.message.strip(),
            shop_id=self.shop_id,
            now=now,
            history=self.conversation_history,
            limit=self.limit,
            threshold=self.threshold,
            offered=stands.offered,
            waits=stands.waits,
        )


class SourceView(msgspec.Struct, frozen=True):
    """What an answer rests on: a passage, or the shop's typed facts in words (category "facts", similarity 1)."""

    content: str
    category: str | None
    similarity: Threshold
    source: str | None

    @classmethod
    def of(cls, source: Source) -> "SourceView":
        """The source as callers see it."""
        return cls(source.content, source.category, source.similarity, source.source)


class ChatResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The answer. `answered` is false where it says that it is not known; `degraded` names what was missing.

    `with_human`: a human has the conversation, was given the message, and answers by the hand-off; `response` is empty.
    `offer_human`: the visitor asked for one, or the assistant did not know twice in a row.
    `recorded` is false where message and answer could not be kept: under `conversation_id` there may be nothing.
    """

    success: bool
    response: str
    sources: list[SourceView] | msgspec.UnsetType = msgspec.UNSET
    answered: bool
    with_human: bool = False
    offer_human: bool = False
    conversation_id: Id
    recorded: bool = True
    timestamp: Timestamp
    as_of: Timestamp | msgspec.UnsetType = msgspec.UNSET
    degraded: Rung | msgspec.UnsetType = msgspec.UNSET
    age_seconds: float | msgspec.UnsetType = msgspec.UNSET


def respond(
    answer: Answered, conversation_id: UUID, *, offer_human: bool = False, recorded: bool = True
) -> ChatResponse:
    """The response for an answer."""
    return ChatResponse(
        success=True,
        response=answer.text,
        sources=[SourceView.of(one) for one in answer.sources] or msgspec.UNSET,
        answered=answer.known,
        with_human=answer.kind == "human",
        offer_human=offer_human,
        conversation_id=str(conversation_id),
        recorded=recorded,
        timestamp=timestamp(),
        as_of=msgspec.UNSET if answer.as_of is None else timestamp_of(answer.as_of),
        degraded=answer.degraded or msgspec.UNSET,
        age_seconds=msgspec.UNSET if answer.age_s is None else round(answer.age_s, 3),
    )
