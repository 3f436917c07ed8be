"""The approximate index of a large shop: built while its searches and writes go on, and nearly as good as exact."""

import asyncio
import math
import statistics

import psycopg
import pytest
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg import sql
from uuid_utils.compat import uuid7

from core.db import ann
from core.db.passages import Passage, insert_passages
from core.db.search import Question, search, statement, values
from core.db.shops import ShopReader
from core.knowledge.chunk import MOST_CHUNKS
from ops.doctor.box import Box
from ops.doctor.finding import Level
from ops.doctor.shops import examine
from tests.parts.knowledge import DIGEST, opened, random_unit, the_model

DIMENSIONS = 384  # fewer, and so few rows are read faster than an index: the planner would be right not to use it
LARGE, SMALL = 7, 8
PASSAGES = 1200
NAME = ann.index_name(LARGE, 1)


async def learn(db, shop_id, numbers):
    items = [
        (Passage(uuid7(), f"passage number {number} of a long list"), [random_unit(number, DIMENSIONS)] * 2)
        for number in numbers
    ]
    async with db.shop(shop_id) as conn:
        await insert_passages(conn, shop_id, DIGEST, items)


@pytest.fixture(scope="module")
async def shops(module_database):
    """A database to be cloned: a large shop, a small shop, two vectors a passage."""
    async with opened(module_database.settings, database_timeout_s=60) as db:
        await the_model(db, DIMENSIONS)
        await learn(db, SMALL, range(50))
        await learn(db, LARGE, range(PASSAGES))
    with psycopg.connect(module_database.superuser_dsn, autocommit=True) as conn:
        conn.execute("vacuum analyze")
    return module_database


@pytest.fixture
def database(postgres, shops, tmp_path):
    with postgres.fresh(tmp_path, template=shops.name) as fresh:
        yield fresh


@pytest.fixture
async def db(database):
    async with opened(database.settings, database_timeout_s=60) as opened_database:
        yield opened_database


def near(number):
    """A question near the passage of a number."""
    pair = zip(random_unit(number, DIMENSIONS).to_list(), random_unit(-number - 1, DIMENSIONS).to_list(), strict=True)
    mixed = [0.8 * passage + 0.6 * other for passage, other in pair]
    length = math.hypot(*mixed)
    return HalfVector([value / length for value in mixed])


async def found(db, shop_id, numbers, limit=10, category=None):
    """The state of the shop, and the ids of the hits for questions near the passages of these numbers."""
    state = await ShopReader(db).read(shop_id)
    model = await the_model(db)
    asked = [
        search(db, state, query="xyzzy", limit=limit, category=category, model=model, embedding=near(n))
        for n in numbers
    ]
    return state, [[hit.id for hit in hits] for hits in await asyncio.gather(*asked)]


def build(database, threshold=1000):
    return ann.build_indexes(database.owner_dsn, threshold)


def plan_of(database, state, model):
    """The plan of a search as the application gets it."""
    question = Question(query="xyzzy", limit=10, model=model, embedding=near(1))
    with psycopg.connect(database.app_dsn) as conn:
        register_vector(conn)
        conn.execute("select set_config('edge.shop_id', %s, true)", [str(state.shop_id)])
        explained = conn.execute(sql.SQL("explain ") + statement(state, question), values(state, question))
        return "\n".join(line for (line,) in explained)


async def test_the_index_finds_nearly_what_the_exact_search_finds(db, database):
    questions = range(0, PASSAGES, 30)
    before, exact = await found(db, LARGE, questions)
    assert build(database) == [f"created {NAME}"]
    after, approximate = await found(db, LARGE, questions)
    assert (before.ann, after.ann) == (False, True)
    recall = statistics.mean(len(set(a) & set(b)) / 10 for a, b in zip(exact, approximate, strict=True))
    assert recall >= 0.97
    assert (await ShopReader(db).read(SMALL)).ann is False


async def test_the_doctor_tells_how_each_large_shop_is_searched(database):
    def told():
        return [(one.level, one.detail) for one in examine(Box(database.settings, database.home), 1000)]

    large = f"shop {LARGE}: {2 * PASSAGES} vectors of test"
    rest = (Level.OK, "1 of 2 shops are searched exactly, with fewer than 1000 vectors each")
    without = (Level.WARNING, f"{large}, searched exactly: it has no index that is complete")
    assert [without, rest] == told()
    build(database)
    assert [(Level.OK, f"{large}, searched by an index"), rest] == told()
    with psycopg.connect(database.superuser_dsn, autocommit=True) as conn:  # as an interrupted build leaves it
        conn.execute("update pg_index set indisvalid = false where indexrelid = %s::regclass", [NAME])
    assert [without, rest] == told()


async def test_the_statement_of_a_shop_with_an_index_uses_it_and_the_others_do_not(db, database):
    build(database)
    model = await the_model(db)
    assert NAME in plan_of(database, await ShopReader(db).read(LARGE), model)
    small = plan_of(database, await ShopReader(db).read(SMALL), model)
    assert ann.PREFIX not in small


async def test_words_find_what_is_far_by_its_vector_in_a_shop_with_an_index(db, database):
    build(database)
    async with db.shop(LARGE) as conn:
        await insert_passages(
            conn, LARGE, DIGEST, [(Passage(uuid7(), "the unicorn waits outside"), [HalfVector([-1.0] + [0.0] * 383)])]
        )
    state = await ShopReader(db).read(LARGE)
    embedding = HalfVector([1.0] + [0.0] * 383)
    hits = await search(db, state, query="unicorn", limit=2000, model=await the_model(db), embedding=embedding)
    assert "the unicorn waits outside" in {hit.content for hit in hits}


async def test_a_passage_without_vectors_is_found_by_its_words_in_a_shop_with_an_index(db, database):
    build(database)
    async with db.shop(LARGE) as conn:
        await insert_passages(conn, LARGE, DIGEST, [(Passage(uuid7(), "the unicorn waits outside"), [])])
    state = await ShopReader(db).read(LARGE)
    hits = await search(db, state, query="unicorn", limit=500, model=await the_model(db), embedding=near(1))
    assert [hit.cosine for hit in hits if hit.content == "the unicorn waits outside"] == [None]


async def test_an_index_of_another_model_is_not_what_searches_are_told_of(db, database):
    build(database)
    with psycopg.connect(database.owner_dsn) as conn:
        conn.execute("select set_config('edge.shop_id', %s, true)", [str(LARGE)])
        conn.execute("insert into model (digest, name, dimensions) values ('other', 'other', 384)")
        conn.execute("update shop set model_id = (select id from model where digest = 'other') where id = %s", [LARGE])
    assert build(database) == []
    assert (await ShopReader(db).read(LARGE)).ann is False


async def test_searches_and_writes_go_on_while_the_index_is_built(db, database):
    building = asyncio.create_task(asyncio.to_thread(build, database))
    written = PASSAGES
    while not building.done():
        await learn(db, LARGE, [written])
        written += 1
        _, [hits] = await found(db, LARGE, [written - 1], limit=1)
        assert len(hits) == 1
    assert await building == [f"created {NAME}"]
    assert written > PASSAGES
    # What was written meanwhile is in the index.
    numbers = range(PASSAGES, written)
    _, results = await found(db, LARGE, numbers, limit=1)
    contents = await db.read(LARGE, "select id, content from passage")
    named = {content: key for key, content in contents}
    assert [hit for [hit] in results] == [named[f"passage number {number} of a long list"] for number in numbers]


async def test_what_an_interrupted_build_left_is_dropped_and_built_anew(db, database):
    with (
        psycopg.connect(database.owner_dsn, autocommit=True) as conn,
        psycopg.connect(database.owner_dsn, autocommit=True) as other,
    ):
        async with db.shop(SMALL) as writing:
            # A build waits for the writers of before it; this one is ended while it does.
            await writing.execute("delete from passage")
            building = asyncio.create_task(asyncio.to_thread(ann._create, conn, NAME, LARGE, 1, DIMENSIONS))
            while ann._indexes(other) != {NAME: False}:
                assert not building.done()
                await asyncio.sleep(0.01)
            while not building.done():
                other.execute("select pg_cancel_backend(%s)", [conn.info.backend_pid])
                await asyncio.sleep(0.05)
            with pytest.raises(psycopg.errors.QueryCanceled):
                await building
        assert ann._indexes(other) == {NAME: False}
    assert build(database) == [f"dropped {NAME}", f"created {NAME}"]
    assert (await ShopReader(db).read(LARGE)).ann


def test_a_second_run_does_nothing(database):
    build(database)
    assert build(database) == []


async def test_two_builders_at_once_build_once(database):
    done = await asyncio.gather(*(asyncio.to_thread(build, database) for _ in range(3)))
    assert [line for lines in done for line in lines or []] == [f"created {NAME}"]


async def test_an_index_goes_when_its_shop_has_become_far_smaller_and_not_a_little(db, database):
    build(database)
    async with db.shop(LARGE) as conn:
        await conn.execute("delete from passage where id in (select id from passage limit 500)")
    assert build(database) == []
    async with db.shop(LARGE) as conn:
        await conn.execute("delete from passage where id in (select id from passage limit 500)")
    assert build(database) == [f"dropped {NAME}"]
    state, [hits] = await found(db, LARGE, [1])
    assert (state.ann, len(hits)) == (False, 10)


async def test_a_shop_that_fails_keeps_no_other_from_its_index(db, database):
    with psycopg.connect(database.owner_dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("create table {} ()").format(sql.Identifier(NAME)))
    with pytest.raises(ann.BuildError, match=f"shop {LARGE}: .*already exists.*created {ann.index_name(SMALL, 1)}"):
        build(database, threshold=50)
    assert [(await ShopReader(db).read(shop)).ann for shop in (LARGE, SMALL)] == [False, True]


def test_vectors_are_counted_only_where_they_may_be_enough_or_an_index_is(database):
    assert ann.MOST_VECTORS == MOST_CHUNKS + 1
    with psycopg.connect(database.owner_dsn, autocommit=True) as conn:
        assert ann._candidates(conn, 50 * ann.MOST_VECTORS) == [LARGE, SMALL]
        assert ann._candidates(conn, 50 * ann.MOST_VECTORS + 1) == [LARGE]
        ann._create(conn, ann.index_name(SMALL, 1), SMALL, 1, DIMENSIONS)
        assert ann._candidates(conn, 50 * ann.MOST_VECTORS + 1) == [LARGE, SMALL]


async def test_the_application_cannot_build(database):
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        psycopg.connect(database.app_dsn, autocommit=True) as conn,
    ):
        ann._create(conn, "mine", 1, 1, DIMENSIONS)


def test_the_strategy_of_a_large_shop_can_be_read_before_and_after_its_index(database):
    before = ann.strategies(database.owner_dsn, 1000)
    build(database)
    (after,) = ann.strategies(database.owner_dsn, 1000)
    (shrunk,) = ann.strategies(database.owner_dsn, 1_000_000)
    assert [("exact", "build", None)] == [(row.searched, row.due, row.bytes) for row in before]
    assert (LARGE, PASSAGES, 2 * PASSAGES) == (after.shop_id, after.passages, after.vectors)
    assert ("index", None) == (after.searched, after.due)
    assert after.bytes > 100_000
    assert ("index", "drop") == (shrunk.searched, shrunk.due)


def test_no_shop_is_told_of_where_all_are_small(database):
    assert [] == ann.strategies(database.owner_dsn)
