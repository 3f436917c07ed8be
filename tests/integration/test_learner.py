"""Writing knowledge: all or nothing, seen at once, and once only under an idempotency key."""

import asyncio
import json
from uuid import UUID

import psycopg
import pytest

from core.db import idempotency
from core.db.shops import ShopReader
from core.errors import DatabaseUnavailable, IdempotencyConflict, ModelUnavailable, NotFound
from core.knowledge.learner import Learner, NewPassage
from core.knowledge.once import Once, Reply
from tests.parts.searching import OPENING, PARKING, PRICES, ids_reply, learn, parts, settings_of

SHOP = 7


@pytest.fixture
async def learner(database, model_server):
    async with parts(settings_of(database, model_server)) as (db, embedder, _):
        yield Learner(db, embedder)


def count(database, table: str) -> int:
    with psycopg.connect(database.superuser_dsn) as conn:
        return conn.execute(f"select count(*) from {table}").fetchone()[0]


async def version(learner: Learner, shop_id: int = SHOP) -> int:
    return (await ShopReader(learner._database).read(shop_id)).version


async def test_a_passage_is_stored_with_the_vectors_of_the_whole_and_of_its_sentences(learner, database):
    (passage_id,) = await learn(learner, OPENING, shop_id=SHOP)
    found = await learner.read(SHOP, UUID(passage_id))
    assert found.content == OPENING
    assert found.id.version == 7
    assert count(database, "passage_vector") == 3
    assert count(database, "posting") > 0


async def test_what_a_caller_gives_is_read_back(learner):
    metadata = {"a": [1, 2.5, None, {"deep": True}], "ß": "ü"}
    item = NewPassage("  Blanks and line\n\nbreaks stay. ", "prices", "menu.pdf", metadata)
    reply = await learner.learn(SHOP, [item], ids_reply)
    found = await learner.read(SHOP, UUID(json.loads(reply.body)["ids"][0]))
    assert (found.content, found.category, found.source, found.metadata) == (
        item.content,
        item.category,
        item.source,
        item.metadata,
    )


async def test_a_batch_keeps_its_order_and_is_listed_newest_first_page_by_page(learner):
    ids = await learn(learner, *(f"Passage number {number} of this batch." for number in range(7)), shop_id=SHOP)
    listed, after = [], None
    while True:
        page = await learner.page(SHOP, limit=3, after=after)
        assert page.total == 7
        listed += [str(passage.id) for passage in page.passages]
        if (after := page.after) is None:
            break
    assert listed == ids[::-1]


async def test_every_write_raises_the_version_and_a_refused_one_does_not(learner):
    (passage_id,) = await learn(learner, PRICES, shop_id=SHOP)
    versions = [await version(learner)]
    await learner.replace(SHOP, UUID(passage_id), NewPassage(PARKING), ids_reply)
    versions.append(await version(learner))
    with pytest.raises(NotFound):
        await learner.replace(SHOP, UUID(int=1), NewPassage(PARKING), ids_reply)
    with pytest.raises(NotFound):
        await learner.delete(SHOP, UUID(int=1), ids_reply)
    assert await version(learner) == versions[-1]
    await learner.delete(SHOP, UUID(passage_id), ids_reply)
    versions.append(await version(learner))
    assert versions == sorted(set(versions))


async def test_a_replaced_passage_keeps_its_id_and_loses_its_old_words_and_vectors(learner, database):
    (passage_id,) = await learn(learner, OPENING, shop_id=SHOP)
    await learner.replace(SHOP, UUID(passage_id), NewPassage(PRICES, "prices"), ids_reply)
    found = await learner.read(SHOP, UUID(passage_id))
    assert (found.content, found.category) == (PRICES, "prices")
    assert count(database, "passage_vector") == 1
    with psycopg.connect(database.superuser_dsn) as conn:
        assert conn.execute("select 1 from posting where lexeme = 'saturday'").fetchone() is None


async def test_a_deleted_passage_leaves_nothing_and_is_not_found(learner, database):
    (passage_id,) = await learn(learner, OPENING, shop_id=SHOP)
    await learner.delete(SHOP, UUID(passage_id), ids_reply)
    with pytest.raises(NotFound):
        await learner.read(SHOP, UUID(passage_id))
    assert [0, 0, 0, 0] == [count(database, table) for table in ("passage", "passage_vector", "posting", "term")]


async def test_a_passage_of_another_shop_is_not_found(learner):
    (passage_id,) = await learn(learner, OPENING, shop_id=SHOP)
    for attempt in (
        learner.read(8, UUID(passage_id)),
        learner.replace(8, UUID(passage_id), NewPassage(PRICES), ids_reply),
        learner.delete(8, UUID(passage_id), ids_reply),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert (await learner.read(SHOP, UUID(passage_id))).content == OPENING


async def test_the_same_request_under_the_same_key_gets_the_same_bytes_and_has_one_effect(learner, database):
    once = Once("key-1", b"POST /learn body")
    first = await learner.learn(SHOP, [NewPassage(OPENING)], ids_reply, once)
    before = await version(learner)
    again = await learner.learn(SHOP, [NewPassage(OPENING)], ids_reply, once)
    assert (again.body, again.status) == (first.body, first.status)
    assert count(database, "passage") == 1
    assert await version(learner) == before


async def test_another_request_under_the_same_key_is_a_conflict_and_has_no_effect(learner, database):
    await learner.learn(SHOP, [NewPassage(OPENING)], ids_reply, Once("key-1", b"one"))
    with pytest.raises(IdempotencyConflict):
        await learner.learn(SHOP, [NewPassage(PRICES)], ids_reply, Once("key-1", b"other"))
    with pytest.raises(IdempotencyConflict):
        await learner.delete(SHOP, UUID(int=1), ids_reply, Once("key-1", b"other"))
    assert count(database, "passage") == 1


async def test_two_shops_may_use_the_same_key(learner, database):
    for shop_id in (SHOP, 8):
        await learner.learn(shop_id, [NewPassage(OPENING)], ids_reply, Once("key-1", b"%d" % shop_id))
    assert count(database, "passage") == 2


async def test_equal_requests_at_the_same_time_in_two_processes_have_one_effect(database, model_server):
    settings = settings_of(database, model_server)
    async with parts(settings) as (db, embedder, _), parts(settings) as (other_db, other_embedder, _):
        learners = [Learner(db, embedder), Learner(other_db, other_embedder)]
        replies = await asyncio.gather(
            *(
                learners[number % 2].learn(SHOP, [NewPassage(OPENING)], ids_reply, Once("key", b"body"))
                for number in range(10)
            )
        )
    assert len({(reply.body, reply.status) for reply in replies}) == 1
    assert count(database, "passage") == 1


async def test_equal_requests_that_wait_for_another_process_hold_one_connection(database, model_server):
    once = Once("key", b"body")
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    async with parts(settings_of(database, model_server, database_pool=2, database_timeout_s=60.0)) as (
        db,
        embedder,
        _,
    ):
        learner = Learner(db, embedder)
        with psycopg.connect(database.superuser_dsn) as other:
            other.execute(idempotency.QUEUE, [SHOP, int.from_bytes(idempotency._hash(once.key)[:4], signed=True)])
            requests = [
                asyncio.create_task(learner.learn(SHOP, [NewPassage(OPENING)], ids_reply, once)) for _ in range(8)
            ]
            while other.execute(waiting).fetchone() != (1,):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.01)
            async with asyncio.timeout(20):
                assert (await learner.page(SHOP, limit=1)).total == 0
        replies = await asyncio.gather(*requests)
    assert len({reply.body for reply in replies}) == 1
    assert count(database, "passage") == 1


async def test_replace_and_delete_are_done_once_too(learner, database):
    (passage_id,) = await learn(learner, OPENING, shop_id=SHOP)
    replaced = [
        await learner.replace(SHOP, UUID(passage_id), NewPassage(PRICES), ids_reply, Once("replace", b"body"))
        for _ in range(2)
    ]
    after = await version(learner)
    await learner.replace(SHOP, UUID(passage_id), NewPassage(PRICES), ids_reply, Once("replace", b"body"))
    assert await version(learner) == after
    deleted = [await learner.delete(SHOP, UUID(passage_id), ids_reply, Once("delete", b"body")) for _ in range(2)]
    for first, again in (replaced, deleted):
        assert (first.body, False) == (again.body, first.replayed)
        assert again.replayed
    assert count(database, "passage") == 0


async def test_an_embedding_that_fails_leaves_nothing_behind_and_the_key_free(database, model_server):
    once = Once("key", b"body")
    async with parts(settings_of(database, None)) as (db, embedder, _):
        with pytest.raises(ModelUnavailable):
            await Learner(db, embedder).learn(SHOP, [NewPassage(OPENING)], ids_reply, once)
    assert [0, 0, 0] == [count(database, table) for table in ("shop", "passage", "idempotency")]
    async with parts(settings_of(database, model_server)) as (db, embedder, _):
        await Learner(db, embedder).learn(SHOP, [NewPassage(OPENING)], ids_reply, once)
    assert count(database, "passage") == 1


async def test_a_replay_needs_no_model(database, model_server):
    once = Once("key", b"body")
    async with parts(settings_of(database, model_server)) as (db, embedder, _):
        first = await Learner(db, embedder).learn(SHOP, [NewPassage(OPENING)], ids_reply, once)
    async with parts(settings_of(database, None)) as (db, embedder, _):
        again = await Learner(db, embedder).learn(SHOP, [NewPassage(OPENING)], ids_reply, once)
    assert (again.body, again.status) == (first.body, first.status)


async def test_an_answer_that_cannot_be_made_undoes_the_write(learner, database):
    def fail(_):
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError):
        await learner.learn(SHOP, [NewPassage(OPENING)], fail, Once("key", b"body"))
    assert [0, 0, 0] == [count(database, table) for table in ("shop", "passage", "idempotency")]


async def test_a_database_that_breaks_within_the_transaction_leaves_nothing(learner, database):
    def break_off(_):
        with psycopg.connect(database.superuser_dsn, autocommit=True) as conn:
            conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and usename = 'edge_app'"
            )
        return Reply(b"never sent")

    with pytest.raises(DatabaseUnavailable):
        await learner.learn(SHOP, [NewPassage(OPENING)], break_off, Once("key", b"body"))
    assert count(database, "passage") == 0
    await learner.learn(SHOP, [NewPassage(OPENING)], ids_reply, Once("key", b"body"))
    assert count(database, "passage") == 1


async def test_writers_of_one_shop_at_the_same_time_all_succeed(learner, database):
    contents = [f"Fact number {number} is worth knowing." for number in range(12)]
    await asyncio.gather(*(learn(learner, content, shop_id=SHOP) for content in contents))
    assert count(database, "passage") == 12
    assert (await learner.page(SHOP, limit=100)).total == 12
