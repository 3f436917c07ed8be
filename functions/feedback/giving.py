"""Feedback is given: a visitor rates, the shop's people correct."""

from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from litestar import post
from litestar.params import JSONBody
from litestar.response.base import ASGIResponse
from uuid_utils.compat import uuid7

from core.conversations.events import is_bad, now
from core.conversations.feedback import Transcript
from core.db.connection import Connection
from core.db.feedback import Correction, Rating
from core.errors import FieldError, Forbidden, InvalidRequest
from core.http.fields import present, utc
from core.http.replies import sent
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.knowledge.once import Reply, write_once
from core.observe.log import timestamp
from functions.feedback.structs import (
    CorrectionRequest,
    CorrectionResponse,
    RatingRequest,
    RatingResponse,
    VoiceRequest,
    VoiceResponse,
)

RATING = "/api/feedback/rating"
CORRECTION = "/api/feedback/correction"
VOICE = "/api/feedback/voice-correction"
MOST_METADATA_BYTES = 8192  # of strangers, who need no key, it waits in the outbox with what others said


@post(RATING, **answers(RatingResponse, "once", body=True))
async def rate(request: EdgeRequest, data: JSONBody[RatingRequest]) -> ASGIResponse:
    """Rate a conversation's last answer."""
    key = request.idempotency_key
    rating = Rating(
        id=_rating_id(data, key),
        conversation_id=data.conversation_id,
        feedback_type=str(data.__struct_config__.tag),
        rating=data.rating,
        reason=present(data.reason),
        metadata=_metadata(data.metadata),
        created_at=now(),
    )
    first = await request.services.feedback.rate(rating, data.shop_id, keyed=key is not None)
    opened = is_bad(first.feedback_type, first.rating)
    # Its own time: sent again, a rating is answered with the same bytes.
    response = RatingResponse(True, str(first.id), opened, "Thank you for the rating.", utc(first.created_at))
    return sent(Reply(msgspec.json.encode(response), replayed=first.created_at != rating.created_at))


def _rating_id(data: RatingRequest, key: str | None) -> UUID:
    """A new id, or under an `Idempotency-Key` always the same: the first rating under it stands."""
    if key is None:
        return uuid7()
    place = key if data.shop_id is None else f"{key} {data.shop_id}"
    digest = bytearray(sha256(data.conversation_id.bytes + place.encode()).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80  # a version 8 of ours (RFC 9562, 5.8)
    return UUID(bytes=bytes(digest))


def _metadata(given: dict[str, Any] | None) -> dict[str, Any]:
    if given is not None and len(msgspec.json.encode(given)) > MOST_METADATA_BYTES:
        rule = f"expected at most {MOST_METADATA_BYTES} bytes of JSON"
        raise InvalidRequest(f"metadata: {rule}", errors=(FieldError("/metadata", rule),))
    return given or {}


@post(CORRECTION, **answers(CorrectionResponse, "write", body=True))
async def correct(request: EdgeRequest, data: JSONBody[CorrectionRequest]) -> ASGIResponse:
    """Say what should have been answered."""
    feedback = request.services.feedback
    await feedback.settle(data.conversation_id)
    shop_id = await request.claim_row("conversation", data.conversation_id)
    near = await feedback.neighbours(shop_id, data.corrected_answer, data.original_response)
    correction = Correction(
        id=uuid7(),
        conversation_id=data.conversation_id,
        original_response=data.original_response,
        corrected_answer=data.corrected_answer.strip(),
        priority=data.priority,
        context=present(data.correction_context),
        metadata=data.metadata or {},
    )

    async def write(conn: Connection) -> Reply:
        item_id = await feedback.correct(conn, shop_id, correction, near)
        message = "The correction waits for a decision."
        response = CorrectionResponse(True, str(correction.id), True, str(item_id), message, timestamp())
        return Reply(msgspec.json.encode(response), about=data.conversation_id)

    reply = await write_once(request.services.database, shop_id, await request.once(), write)
    return sent(reply)


@post(VOICE, **answers(VoiceResponse, "write", body=True))
async def transcribe(request: EdgeRequest, data: JSONBody[VoiceRequest]) -> ASGIResponse:
    """Say aloud what should have been answered."""
    feedback = request.services.feedback
    shop_id = await _voice_shop(request, data.conversation_id)
    near = await feedback.neighbours(shop_id, data.transcript)
    spoken = Transcript(
        id=uuid7(),
        conversation_id=data.conversation_id,
        transcript=data.transcript.strip(),
        metadata=data.metadata or {},
    )

    async def write(conn: Connection) -> Reply:
        await feedback.transcribe(conn, shop_id, spoken, near)
        message = "The transcript waits for a decision."
        response = VoiceResponse(True, str(spoken.id), message, timestamp())
        return Reply(msgspec.json.encode(response), about=data.conversation_id)

    reply = await write_once(request.services.database, shop_id, await request.once(), write)
    return sent(reply)


async def _voice_shop(request: EdgeRequest, conversation_id: UUID | None) -> int:
    if conversation_id is not None:
        await request.services.feedback.settle(conversation_id)
        return await request.claim_row("conversation", conversation_id)
    if (shop_id := request.key_shop) is None:
        raise Forbidden("a transcript without a conversation needs the key of a shop")
    request.note_shop(shop_id)
    return shop_id
