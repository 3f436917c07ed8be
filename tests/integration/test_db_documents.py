"""Documents and their passages stay true, whoever writes them."""

import psycopg
import pytest
from psycopg.types.json import Jsonb  # noqa: F401

from tests.parts.knowledge import opened, teach

DOC = "insert into document (shop_id, id, file, key, hash) values (%s, %s, 'a.md', %s, sha256('x'))"
ONE, TWO = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"


async def add(db, shop, doc, key, *contents):
    async with db.shop(shop) as conn:
        await conn.execute(DOC, [shop, doc, key])
        for text in contents:
            await conn.execute(
                "insert into passage (shop_id, id, content, document_id) values (%s, gen_random_uuid(), %s, %s)",
                [shop, text, doc],
            )


async def rows(db, shop, statement):
    return await db.read(shop, statement)


async def test_documents(database):
    async with opened(database.settings) as db:
        await add(db, 1, ONE, "", "one", "two")  # a shop begins to exist with its first document
        await teach(db, 1, ["by hand"])
        assert [] == await rows(db, 2, "select from document")
        [(before,)] = await rows(db, 1, "select version from shop where id = 1")
        async with db.shop(1) as conn:
            await conn.execute("update passage set content = 'x' where content = 'by hand'")
        assert [(False,)] == await rows(db, 1, "select hash is null from document")
        async with db.shop(1) as conn:
            await conn.execute("update passage set content = 'uno' where content = 'one'")
        assert [(True,)] == await rows(db, 1, "select hash is null from document")
        async with db.shop(1) as conn:
            await conn.execute("delete from passage where content = 'uno'")
        assert [(1,)] == await rows(db, 1, "select count(*)::int from document")
        async with db.shop(1) as conn:
            await conn.execute("delete from passage where content = 'two'")
        assert [(0,)] == await rows(db, 1, "select count(*)::int from document")
        [(after,)] = await rows(db, 1, "select version from shop where id = 1")
        assert after > before


async def test_swap(database):
    async with opened(database.settings) as db:
        await add(db, 1, ONE, "", "one", "two")
        async with db.shop(1) as conn:
            await conn.execute("delete from document where shop_id = 1 and id = %s", [ONE])
            await conn.execute(DOC, [1, ONE, ""])
            await conn.execute("insert into passage (shop_id, id, content, document_id) values (1, gen_random_uuid(), 'three', %s)", [ONE])
        assert [("three",)] == await rows(db, 1, "select content from passage")
        assert [(False,)] == await rows(db, 1, "select hash is null from document")
        assert [(1,)] == await rows(db, 1, "select passages from shop where id = 1")
        assert [("three",)] == await rows(db, 1, "select lexeme from term")


@pytest.mark.parametrize("statement", [
    f"insert into document (shop_id, id, file) values (2, '{TWO}', 'b')",
    f"insert into passage (shop_id, id, content, document_id) values (1, gen_random_uuid(), 'x', '{TWO}')",
    "update document set hash = null", "select from tenant",
    f"insert into document (shop_id, id, file, hash) values (1, '{TWO}', 'b', 'short')",
])
async def test_refused(database, statement):
    async with opened(database.settings) as db:
        await add(db, 1, ONE, "", "one")
        with pytest.raises(psycopg.Error):
            async with db.shop(1) as conn:
                await conn.execute(statement)
