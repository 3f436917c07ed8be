"""Answers kept under a caller's `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header)."""

import hashlib
from uuid import UUID

import msgspec

from core.db.connection import Connection
from core.errors import IdempotencyConflict

# Equal keys queue here until the first one's transaction ends; the next statement then sees what it recorded.
QUEUE = "select pg_advisory_xact_lock(%s, %s)"
RECALL = """
select request_hash, status, response from idempotency
where shop_id = %s and key_hash = %s and created_at >= now() - interval '24 hours'
"""
RECORD = """
insert into idempotency (shop_id, key_hash, request_hash, status, response, conversation_id)
values (%s, %s, %s, %s, %s, %s)
"""
FORGET = "delete from idempotency where shop_id = %s and created_at < now() - interval '24 hours'"


class Recorded(msgspec.Struct, frozen=True):
    """The answer that was given: its status and its body's bytes."""

    status: int
    response: bytes


async def recall(conn: Connection, shop_id: int, key: str, request_hash: bytes) -> Recorded | None:
    """The answer recorded under the key, or None for the first request with it, which goes on in this transaction.

    `request_hash` (32 bytes) stands for route and body. Concurrent requests with the same key wait for each other.
    Raises IdempotencyConflict when the key came with another request.
    """
    key_hash = _hash(key)
    await conn.execute(QUEUE, [shop_id, int.from_bytes(key_hash[:4], signed=True)])
    found = await (await conn.execute(RECALL, [shop_id, key_hash])).fetchone()
    if found is None:
        return None
    if found[0] != request_hash:
        raise IdempotencyConflict("This Idempotency-Key was used for another request.")
    return Recorded(found[1], found[2])


async def record(  # noqa: PLR0913 - the columns of a row
    conn: Connection, shop_id: int, key: str, request_hash: bytes, answer: Recorded, *, about: UUID | None = None
) -> None:
    """Keep the answer for a day, in the transaction whose effect it tells of, after that effect.

    It is gone before with the conversation that it is `about`.
    The shop exists by then, and its row is locked: two transactions that forget old answers cannot deadlock.
    """
    await conn.execute(FORGET, [shop_id])
    await conn.execute(RECORD, [shop_id, _hash(key), request_hash, answer.status, answer.response, about])


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
