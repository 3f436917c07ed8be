"""Passages read and written, and the knowledge version under many writers: none lost, none stale."""

import asyncio
import random

import psycopg
import pytest
from uuid_utils.compat import uuid7

from core.db.passages import (
    TEXT_A_STATEMENT,
    Passage,
    delete_passage,
    get_passage,
    insert_passages,
    list_passages,
    replace_passage,
    slices,
)
from core.db.pool import Database
from core.db.shops import ShopReader, ShopState
from core.errors import DatabaseUnavailable
from tests.parts.knowledge import DIGEST, opened, teach, the_model, unit


@pytest.fixture
async def db(database):
    async with opened(database.settings) as opened_database:
        await the_model(opened_database)
        yield opened_database


VECTORS = (unit(1), unit(0, 1))


async def add(db, shop_id, *passages, vectors=VECTORS):
    async with db.shop(shop_id) as conn:
        await insert_passages(conn, shop_id, DIGEST, [(passage, vectors) for passage in passages])


async def test_a_passage_is_read_as_it_was_written(db):
    passage = Passage(
        uuid7(), "Ünïcode 💈 'quotes' \\ %s {x}", "prices", "till", {"a": [1, None, "ö"], "b": {"c": 1.5}}
    )
    await add(db, 1, passage)
    found = await get_passage(db, 1, passage.id)
    assert found.created_at == found.updated_at
    assert (found.id, found.content, found.category, found.source, found.metadata) == (
        passage.id,
        passage.content,
        passage.category,
        passage.source,
        passage.metadata,
    )


async def test_a_passage_of_another_shop_is_not_there(db):
    passage = Passage(uuid7(), "of shop one")
    await add(db, 1, passage)
    assert await get_passage(db, 2, passage.id) is None
    async with db.shop(2) as conn:
        assert await delete_passage(conn, 2, passage.id) is False
        assert await replace_passage(conn, 2, DIGEST, passage, [unit(1)]) is False
    assert not (await ShopReader(db).read(2)).exists


async def test_a_replaced_passage_keeps_its_id_and_birth_and_nothing_else(db):
    passage = Passage(uuid7(), "a haircut costs thirty", "prices")
    await add(db, 1, passage)
    before = await get_passage(db, 1, passage.id)
    async with db.shop(1) as conn:
        assert await replace_passage(conn, 1, DIGEST, Passage(passage.id, "shaves only"), [unit(0, 0, 1)])
    after = await get_passage(db, 1, passage.id)
    assert (after.content, after.category, after.created_at) == ("shaves only", None, before.created_at)
    assert after.updated_at > before.updated_at
    assert await db.read(1, "select ordinal, embedding from passage_vector") == [(0, unit(0, 0, 1))]
    assert await db.read(1, "select lexeme from posting order by 1") == [("shave",)]


async def test_a_deleted_passage_leaves_no_vector_and_no_word(db):
    passage = Passage(uuid7(), "a haircut costs thirty")
    await add(db, 1, passage)
    async with db.shop(1) as conn:
        assert await delete_passage(conn, 1, passage.id)
    for table in ("passage", "passage_vector", "posting", "term"):
        assert await db.read(1, f"select count(*) from {table}") == [(0,)]


async def test_pages_together_hold_every_passage_once_newest_first_whatever_comes_meanwhile(db):
    for number in range(7):
        await add(db, 1, Passage(uuid7(), f"passage {number}", "odd" if number % 2 else "even"))
    page = await list_passages(db, 1, limit=3)
    seen = [passage.content for passage in page.passages]
    assert page.total == 7
    await add(db, 1, Passage(uuid7(), "passage 7", "odd"))
    while page.after:
        page = await list_passages(db, 1, limit=3, after=page.after)
        seen += [passage.content for passage in page.passages]
    assert seen == [f"passage {number}" for number in range(6, -1, -1)]


async def test_passages_of_one_batch_are_paged_too(db):
    await add(db, 1, *(Passage(uuid7(), f"passage {number}") for number in range(10)))
    first = await list_passages(db, 1, limit=5)
    second = await list_passages(db, 1, limit=5, after=first.after)
    assert len({passage.id for passage in first.passages + second.passages}) == 10
    assert second.after is None


async def test_a_page_of_a_category_counts_that_category(db):
    await add(db, 1, Passage(uuid7(), "one", "prices"), Passage(uuid7(), "two", "hours"))
    page = await list_passages(db, 1, limit=5, category="hours")
    assert ([passage.content for passage in page.passages], page.total) == (["two"], 1)
    assert await list_passages(db, 9, limit=5) == type(page)([], 0, None)


async def test_thousands_of_vectors_go_in_together(db):
    passages = [Passage(uuid7(), f"passage number {number}") for number in range(900)]
    await add(db, 1, *passages, vectors=[unit(1, number) for number in range(5)])
    assert await db.read(1, "select count(*) from passage_vector") == [(4500,)]
    assert (await ShopReader(db).read(1)).passages == 900


async def test_the_largest_batch_is_stored_within_the_time_of_its_statements(db):
    source = random.Random(8)
    contents = [" ".join(f"{source.getrandbits(24):x}" for _ in range(60)) * 20 for _ in range(1000)]
    assert sum(map(len, contents)) > 7.8 * 1024 * 1024
    async with db.shop(1, bulk=True) as conn:
        await insert_passages(conn, 1, DIGEST, [(Passage(uuid7(), content), [unit(1)]) for content in contents])
    assert (await ShopReader(db).read(1)).passages == 1000


@pytest.mark.parametrize("sizes", [[], [1], [200_000] * 3, [1, 300_000, 1], [100] * 1000])
def test_a_batch_is_cut_in_its_order_into_slices_of_a_bounded_size(sizes):
    passages = [Passage(uuid7(), "x" * size) for size in sizes]
    cut = list(slices(passages))
    assert [passage for part in cut for passage in part] == passages
    assert all(len(part) == 1 or sum(len(p.content) for p in part) <= TEXT_A_STATEMENT for part in cut)
    assert all(cut)


async def test_an_unknown_shop_has_version_zero(db):
    assert await ShopReader(db).read(12345) == ShopState(12345)


async def test_writers_at_once_lose_no_version_and_readers_see_each_as_soon_as_it_is_acknowledged(db):
    reader = ShopReader(db)
    written: list[int] = []

    async def write(number):
        await add(db, 1, Passage(uuid7(), f"passage {number}"))
        seen = await reader.read(1)
        written.append(seen.version)
        # Every passage acknowledged by now is counted in the state that was read after.
        assert seen.passages >= len(written)

    versions = []

    async def watch():
        while len(written) < 40:
            versions.append((await reader.read(1)).version)

    await asyncio.gather(watch(), *(write(number) for number in range(40)))
    assert versions == sorted(versions)
    assert (await reader.read(1)).passages == 40
    assert await db.read(1, "select count(*) from passage") == [(40,)]


async def test_every_change_raises_the_version(db):
    reader = ShopReader(db)
    passage = Passage(uuid7(), "a haircut costs thirty")

    async def version_after(change):
        async with db.shop(1) as conn:
            await change(conn)
        return (await reader.read(1)).version

    versions = [
        await version_after(lambda conn: insert_passages(conn, 1, DIGEST, [(passage, [unit(1)])])),
        await version_after(lambda conn: replace_passage(conn, 1, DIGEST, passage, [unit(0, 1)])),
        await version_after(lambda conn: conn.execute("update passage set category = 'prices'")),
        await version_after(lambda conn: conn.execute("delete from passage_vector")),
        await version_after(lambda conn: delete_passage(conn, 1, passage.id)),
    ]
    assert versions == sorted(set(versions))


async def test_a_write_that_is_rolled_back_raises_nothing(db):
    await teach(db, 1, ["what was there before"])
    before = await ShopReader(db).read(1)

    async def write():
        async with db.shop(1) as conn:
            await insert_passages(conn, 1, DIGEST, [(Passage(uuid7(), "never seen"), [unit(1)])])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write()
    assert await ShopReader(db).read(1) == before


class Counting(Database):
    """Counts its statements, and holds back their answers while the gate is closed."""

    statements = 0
    gate: asyncio.Event
    sent: asyncio.Event

    async def read(self, *arguments, **options):
        self.statements += 1
        self.sent.set()
        rows = await super().read(*arguments, **options)
        await self.gate.wait()
        return rows


@pytest.fixture
async def counting(database):
    counting = await Counting.open(database.settings)
    counting.gate, counting.sent = asyncio.Event(), asyncio.Event()
    yield counting
    await counting.close()


async def test_reads_that_wait_share_one_statement(counting):
    counting.gate.set()
    reader = ShopReader(counting)
    states = await asyncio.gather(*(reader.read(shop_id) for shop_id in range(1, 200)))
    assert [state.shop_id for state in states] == list(range(1, 200))
    assert counting.statements == 1


async def test_a_read_never_shares_a_statement_that_was_sent_before_it(counting, db):
    reader = ShopReader(counting)
    early = asyncio.create_task(reader.read(1))
    await counting.sent.wait()
    await teach(db, 1, ["acknowledged after the first read was sent"])
    late = asyncio.create_task(reader.read(1))
    counting.gate.set()
    await early
    assert (await late).passages == 1
    assert counting.statements == 2


async def test_a_reader_that_goes_away_leaves_the_answer_to_the_others(db):
    await teach(db, 1, ["what was there before"])
    reader = ShopReader(db)
    leaving, staying = asyncio.create_task(reader.read(1)), asyncio.create_task(reader.read(1))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).exists
    assert (await reader.read(1)).exists


async def test_a_reader_whose_database_is_away_fails_and_goes_on_when_it_is_back(postgres, database):
    async with opened(database.settings) as db:
        reader = ShopReader(db)
        refuse, admit = (f"alter database {database.name} allow_connections {allowed}" for allowed in ("false", "true"))
        end = f"select pg_terminate_backend(pid, 30000) from pg_stat_activity where datname = '{database.name}'"
        with psycopg.connect(postgres.server.dsn("postgres"), autocommit=True) as conn:
            conn.execute(refuse)
            conn.execute(end)
            failures = await asyncio.gather(*(reader.read(shop) for shop in range(1, 9)), return_exceptions=True)
            conn.execute(admit)
        assert {type(failure) for failure in failures} == {DatabaseUnavailable}
        assert (await reader.read(1)).version == 0
