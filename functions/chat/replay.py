"""Answers as the events that they were, so that a client that lost its connection goes on where it stopped."""

import re
import secrets
import time
from hashlib import blake2b

import msgspec

from core.cache.disk import DiskCache
from core.http.events import Event

KEPT_S = 600.0
_EVENT_ID = re.compile(r"([0-9a-f]{32})-([0-9]{1,5})")


class Place(msgspec.Struct, frozen=True):
    """Where a client stopped: the answer, and the number of the last event that it has."""

    answer_id: str
    number: int


def new_answer_id(place: Place | None) -> str:
    """32 hexadecimal digits: half of them of the message, which stays the same when a client asks for the rest."""
    message_id = secrets.token_hex(8) if place is None else message_of(place.answer_id)
    return message_id + secrets.token_hex(8)


def message_of(answer_id: str) -> str:
    """What all answers to one message, sent again and again, have in common."""
    return answer_id[:16]


class _Kept(msgspec.Struct, frozen=True):
    request: bytes
    at: float
    events: list[Event]


def place_of(last_event_id: str | None) -> Place | None:
    """The place that a `Last-Event-ID` names; None for none, and for what was never an id of ours."""
    match = _EVENT_ID.fullmatch(last_event_id or "")
    return None if match is None else Place(match[1], int(match[2]))


async def keep(cache: DiskCache, answer_id: str, request: bytes, events: list[Event]) -> None:
    """Keep a complete answer to a request."""
    await cache.put(_key(answer_id), msgspec.msgpack.encode(_Kept(request, time.time(), events)))


def recall(cache: DiskCache, place: Place, request: bytes) -> list[Event] | None:
    """The events after a place; None when the answer is not kept, or was to another request."""
    value = cache.get(_key(place.answer_id))
    if value is None:
        return None
    kept = msgspec.msgpack.decode(value, type=_Kept)
    if kept.request != fingerprint(request) or time.time() - kept.at > KEPT_S:
        return None
    return kept.events[place.number + 1 :]


def fingerprint(request: bytes) -> bytes:
    """What stands for a request's body."""
    return blake2b(request, digest_size=16, person=b"edge-chat").digest()


def _key(answer_id: str) -> bytes:
    return blake2b(answer_id.encode(), digest_size=16, person=b"edge-replay").digest()
