"""One key, one effect: however often and however many at once."""

import asyncio

import psycopg
import pytest
from uuid_utils.compat import uuid7

from core.db.idempotency import Recorded, recall, record
from core.db.passages import Passage, insert_passages
from core.errors import IdempotencyConflict
from tests.parts.knowledge import DIGEST, opened, the_model, unit

REQUEST, OTHER = b"r" * 32, b"o" * 32


@pytest.fixture
async def db(database):
    async with opened(database.settings) as opened_database:
        await the_model(opened_database)
        yield opened_database


async def write_once(db, shop_id, key, request=REQUEST, content="learned once"):
    async with db.shop(shop_id) as conn:
        before = await recall(conn, shop_id, key, request)
        if before is not None:
            return before.response
        await insert_passages(conn, shop_id, DIGEST, [(Passage(uuid7(), content), [unit(1)])])
        answer = Recorded(200, uuid7().bytes)
        await record(conn, shop_id, key, request, answer)
        return answer.response


async def test_the_same_request_gets_the_same_answer_and_has_one_effect(db):
    assert await write_once(db, 1, "key") == await write_once(db, 1, "key")
    assert await db.read(1, "select count(*) from passage") == [(1,)]


async def test_equal_requests_at_once_have_one_effect(db):
    answers = await asyncio.gather(*(write_once(db, 1, "key") for _ in range(20)))
    assert len(set(answers)) == 1
    assert await db.read(1, "select count(*) from passage") == [(1,)]


async def test_another_request_under_the_key_is_refused(db):
    await write_once(db, 1, "key")
    with pytest.raises(IdempotencyConflict):
        await write_once(db, 1, "key", OTHER)
    assert await db.read(1, "select count(*) from passage") == [(1,)]


async def test_a_key_is_the_shops_own(db):
    assert await write_once(db, 1, "key") != await write_once(db, 2, "key", OTHER)


async def test_a_request_that_failed_may_be_made_again(db):
    with pytest.raises(psycopg.errors.CheckViolation):
        await write_once(db, 1, "key", content="")
    await write_once(db, 1, "key")
    assert await db.read(1, "select content from passage") == [("learned once",)]


async def test_an_answer_is_forgotten_after_a_day(db, database):
    first = await write_once(db, 1, "key")
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("update idempotency set created_at = now() - interval '25 hours'")
    assert await write_once(db, 1, "key", OTHER) != first
    assert await db.read(1, "select request_hash from idempotency") == [(OTHER,)]
