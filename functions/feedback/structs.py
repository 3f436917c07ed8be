"""What callers say of answers and of the learning queue, and what they get."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from core.http.fields import VISIBLE, Id, Metadata, Priority, ShopId, Time, Timestamp

Status = Literal["pending", "approved", "rejected"]
SourceType = Literal["feedback", "correction", "voice"]
Text = Annotated[str, Meta(pattern=VISIBLE, max_length=100_000, description="Not blank")]
Reason = Annotated[str, Meta(max_length=4000)]
Stars = Annotated[int, Meta(ge=1, le=5)]
Reviewer = Annotated[str, Meta(pattern=VISIBLE, max_length=200, description="Who decides, as your page knows them")]


class _Rating(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", tag_field="feedbackType"
):
    conversation_id: UUID
    shop_id: ShopId | None = None
    reason: Reason | None = None
    metadata: Metadata | None = None


class ThumbsUp(_Rating, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, tag="thumbs_up"):
    """The answer was good."""

    rating: Stars | None = None


class ThumbsDown(_Rating, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, tag="thumbs_down"):
    """The answer was bad."""

    rating: Stars | None = None


class StarRating(_Rating, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, tag="star_rating"):
    """The answer was worth so many stars."""

    rating: Stars


class Emoji(_Rating, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, tag="emoji"):
    """The answer was met with a face, which `metadata` may hold."""

    rating: Stars | None = None


RatingRequest = ThumbsUp | ThumbsDown | StarRating | Emoji


class RatingResponse(msgspec.Struct, frozen=True, rename="camel"):
    """The rating is kept."""

    success: bool
    feedback_id: Id
    auto_created_learning_item: bool
    message: str
    timestamp: Time


class CorrectionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What should have been answered."""

    conversation_id: UUID
    original_response: Text
    corrected_answer: Text
    priority: Priority = "normal"
    correction_context: Reason | None = None
    metadata: Metadata | None = None


class CorrectionResponse(msgspec.Struct, frozen=True, rename="camel"):
    """The correction waits for a decision."""

    success: bool
    correction_id: Id
    auto_created_learning_item: bool
    learning_queue_id: Id
    message: str
    timestamp: Timestamp


class VoiceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A correction that was said aloud."""

    conversation_id: UUID | None = None
    transcript: Text
    metadata: Metadata | None = None


class VoiceResponse(msgspec.Struct, frozen=True, rename="camel"):
    """The transcript waits for a decision."""

    success: bool
    transcript_id: Id
    message: str
    timestamp: Timestamp


class ItemView(msgspec.Struct, frozen=True, rename="camel"):
    """Something that the shop may learn."""

    id: Id
    status: Status
    source_type: SourceType
    source_id: Id
    shop_id: int
    proposed_content: str
    category: str | None
    confidence_score: float | None
    metadata: dict[str, Any]
    created_at: Time


class PendingResponse(msgspec.Struct, frozen=True):
    """Items, the most urgent and newest first; `total` counts all that match."""

    success: bool
    items: list[ItemView]
    count: int
    total: int
    timestamp: Timestamp


class ApproveRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A decision; `content` is learned in place of what is proposed, `replace` false keeps what it contradicts.

    `replaces` names another passage to replace, of those that the item shows as nearest.
    """

    learning_queue_id: UUID
    reviewed_by: Reviewer
    decision: Literal["approve", "reject"] = "approve"
    content: Text | None = None
    replace: bool = True
    replaces: UUID | None = None


class UndoRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A decision is taken back."""

    learning_queue_id: UUID
    reviewed_by: Reviewer


class DecisionResponse(msgspec.Struct, frozen=True, rename="camel"):
    """What became of the item; `knowledgeId` is the passage that was written, or taken back.

    `factsStillSay`: typed facts that say what was corrected; they are told in place of the passage until changed.
    """

    success: bool
    learning_queue_id: Id
    previous_status: Status
    new_status: Status
    message: str
    timestamp: Timestamp
    knowledge_id: Id | msgspec.UnsetType = msgspec.UNSET
    facts_still_say: list[str] | msgspec.UnsetType = msgspec.UNSET
