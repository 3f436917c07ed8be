"""Documents that a statement cannot forget within its time: on a machine on which every passage takes its time."""

import msgspec
import psycopg
import pytest

from core.db.documents import drop_documents, forget_documents, forget_loose, swap_documents
from core.errors import DatabaseUnavailable
from tests.integration.test_db_documents import A, contents, stored
from tests.parts.knowledge import DIGEST, opened, the_model

LIMIT_S = 0.6
PASSAGES = 1300  # in one statement 2.6 s: more than four times the limit, which a bulk write has
SLOWLY = """
create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep({seconds}); return null; end $$;
create trigger dawdle after delete on passage for each row execute function dawdle();
"""
FILL = """
insert into shop (id) values (1);
insert into document (shop_id, id, file) values (1, gen_random_uuid(), 'large'), (1, gen_random_uuid(), 'small');
insert into passage (shop_id, id, content, document_id)
select 1, gen_random_uuid(), 'text', id
from document, generate_series(1, case file when 'large' then {many} else 3 end);
"""


def large(database, many=PASSAGES, seconds=0.002):
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("select set_config('edge.shop_id', '1', true)")
        conn.execute(FILL.format(many=many))
        conn.execute(SLOWLY.format(seconds=seconds))
    return msgspec.structs.replace(database.settings, database_timeout_s=LIMIT_S)


async def test_a_large_document_is_forgotten_whole_and_the_small_ones_with_it(database):
    async with opened(large(database)) as db:
        assert 2 == await forget_documents(db, 1)
        assert [(0, 0)] == await db.read(1, "select (select count(*) from passage), (select count(*) from posting)")


async def test_many_passages_of_no_document_are_forgotten(database):
    settings = large(database)
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("select set_config('edge.shop_id', '1', true)")
        conn.execute("update passage set document_id = null")
    async with opened(settings) as db:
        assert PASSAGES + 3 == await forget_loose(db, 1)
        assert [] == await contents(db, 1)


async def test_a_large_document_is_dropped(database):
    async with opened(large(database)) as db:
        await drop_documents(db, 1, [("large", "")])
        assert ["text"] * 3 == await contents(db, 1)


async def test_a_large_document_is_swapped(database):
    async with opened(large(database)) as db:
        await the_model(db)
        async with db.shop(1, bulk=True) as conn:
            await swap_documents(conn, 1, DIGEST, [stored("large", "", A, "new")])
        assert ["new", *["text"] * 3] == sorted(await contents(db, 1))


async def test_where_one_passage_alone_takes_too_long_the_document_stays_whole(database):
    async with opened(large(database, many=5, seconds=LIMIT_S * 2)) as db:
        with pytest.raises(DatabaseUnavailable, match="too long"):
            await forget_documents(db, 1, ["large"])
        assert [(8,)] == await db.read(1, "select count(*)::int from passage")
