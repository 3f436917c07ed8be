"""The learning queue: what waits for the owner, and what the owner decides."""

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from core.conversations.review import Decision, Verdict
from core.db.feedback import Item
from core.http.fields import present, utc
from core.http.parameters import ShopIdParameter
from core.http.replies import sent
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.knowledge.once import Reply
from core.observe.log import timestamp
from functions.feedback.structs import (
    ApproveRequest,
    DecisionResponse,
    ItemView,
    PendingResponse,
    SourceType,
    Status,
    UndoRequest,
)

PENDING = "/api/feedback/pending"
APPROVE = "/api/feedback/approve"
UNDO = "/api/feedback/undo"
LimitParameter = Annotated[int, QueryParameter(ge=1, le=100, description="The most items")]
OffsetParameter = Annotated[int, QueryParameter(ge=0, le=2**31 - 1, description="How many to leave out")]
StatusParameter = Annotated[Status, QueryParameter(description="Only of this status")]
SourceTypeParameter = Annotated[SourceType | None, QueryParameter(name="sourceType", description="Only of this source")]
MESSAGES = {
    "approved": "This is knowledge now.",
    "rejected": "This was rejected.",
    "pending": "The decision was undone; this waits again.",
}


@get(PENDING, **answers(PendingResponse, "read"))
async def list_pending(  # noqa: PLR0913, PLR0917 - what may be asked for
    request: EdgeRequest,
    shop_id: ShopIdParameter,
    status: StatusParameter = "pending",
    source_type: SourceTypeParameter = None,
    limit: LimitParameter = 20,
    offset: OffsetParameter = 0,
) -> ASGIResponse:
    """List what waits for a decision, the most urgent and newest first."""
    request.claim_shop(shop_id)
    items, total = await request.services.feedback.page(
        shop_id, status=status, source_type=source_type, limit=limit, offset=offset
    )
    views = [_view(shop_id, item) for item in items]
    return ASGIResponse(body=msgspec.json.encode(PendingResponse(True, views, len(views), total, timestamp())))


@post(APPROVE, **answers(DecisionResponse, "write", body=True))
async def approve(request: EdgeRequest, data: JSONBody[ApproveRequest]) -> ASGIResponse:
    """Approve or reject an item."""
    item_id = data.learning_queue_id
    shop_id = await request.claim_row("learning", item_id)
    verdict = Verdict(
        by=data.reviewed_by,
        approve=data.decision == "approve",
        content=present(data.content),
        replace=data.replace,
        replaces=data.replaces,
    )
    review = request.services.review
    return sent(await review.decide(shop_id, item_id, verdict, _reply, await request.once()))


@post(UNDO, **answers(DecisionResponse, "write", body=True))
async def undo(request: EdgeRequest, data: JSONBody[UndoRequest]) -> ASGIResponse:
    """Take a decision back: the passage is what it was before, the item waits again."""
    item_id = data.learning_queue_id
    shop_id = await request.claim_row("learning", item_id)
    return sent(await request.services.review.undo(shop_id, item_id, data.reviewed_by, _reply, await request.once()))


def _reply(decision: Decision) -> Reply:
    response = DecisionResponse(
        success=True,
        learning_queue_id=str(decision.item_id),
        previous_status=decision.previous,  # type: ignore[arg-type]
        new_status=decision.new,  # type: ignore[arg-type]
        message=_message(decision),
        timestamp=timestamp(),
        knowledge_id=msgspec.UNSET if decision.passage_id is None else str(decision.passage_id),
        facts_still_say=list(decision.facts) or msgspec.UNSET,
    )
    return Reply(msgspec.json.encode(response))


def _message(decision: Decision) -> str:
    if not decision.facts:
        return MESSAGES[decision.new]
    said = " ".join(decision.facts)
    return (
        f"{MESSAGES[decision.new]} But the shop's facts still say “{said}”, and facts go before knowledge: "
        "change them with PUT /api/facts."
    )


def _view(shop_id: int, item: Item) -> ItemView:
    return ItemView(
        str(item.id),
        item.status,  # type: ignore[arg-type]
        item.source_type,  # type: ignore[arg-type]
        str(item.source_id),
        shop_id,
        item.proposed_content,
        item.category,
        item.confidence_score,
        item.metadata,
        utc(item.created_at),
    )
