"""A message under its sender's `Idempotency-Key`: kept and given to a human once, and answered again as before."""

import time
from hashlib import blake2b, sha256
from uuid import UUID

import msgspec

from core.cache.disk import DiskCache
from core.errors import FieldError, IdempotencyConflict, InvalidRequest
from core.http.request import EdgeRequest
from core.knowledge.once import Once
from functions.chat.replay import KEPT_S
from functions.chat.structs import ChatRequest


class _Kept(msgspec.Struct, frozen=True):
    request: bytes
    at: float
    body: bytes


class Keyed(msgspec.Struct, frozen=True):
    """A message under a key of its conversation, and what stands for the request that it came with."""

    shop_id: int
    conversation_id: UUID
    key: str
    request: bytes

    @property
    def once(self) -> Once:
        """What makes the message one for a human."""
        return Once(f"said {self.conversation_id} {self.key}", self.request)

    @property
    def turn_id(self) -> UUID:
        """What makes the turn one, whichever worker answers and whenever."""
        digest = bytearray(sha256(self._place + self.request).digest()[:16])
        digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80  # a version 8 of ours (RFC 9562, 5.8)
        return UUID(bytes=bytes(digest))

    def recall(self, cache: DiskCache) -> bytes | None:
        """The answer of the last minutes. Raises IdempotencyConflict when it was to another request."""
        value = cache.get(self._cache_key)
        kept = None if value is None else msgspec.msgpack.decode(value, type=_Kept)
        if kept is None or time.time() - kept.at > KEPT_S:
            return None
        if kept.request != self.request:
            raise IdempotencyConflict("This Idempotency-Key was used for another message of this conversation.")
        return kept.body

    async def keep(self, cache: DiskCache, body: bytes) -> None:
        """Keep the answer."""
        await cache.put(self._cache_key, msgspec.msgpack.encode(_Kept(self.request, time.time(), body)))

    @property
    def _place(self) -> bytes:
        return f"{self.shop_id} {self.conversation_id} {self.key} ".encode()

    @property
    def _cache_key(self) -> bytes:
        return blake2b(self._place, digest_size=16, person=b"edge-said").digest()


async def keyed_of(request: EdgeRequest, data: ChatRequest) -> Keyed | None:
    """The message under its key. Raises InvalidRequest without a conversation: alone a key proves nothing of a caller.

    Two visitors may send the same one, and each would be in the conversation of the first.
    """
    once = await request.once()
    if once is None:
        return None
    if data.conversation_id is None:
        rule = "is needed with an Idempotency-Key, and may be of your own making: it is what the key is of"
        raise InvalidRequest(f"conversationId: {rule}", errors=(FieldError("/conversationId", rule),))
    return Keyed(data.shop_id, data.conversation_id, once.key, once.request_hash)
