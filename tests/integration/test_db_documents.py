"""Documents and their passages: swapped whole, counted, forgotten, nobody else's."""

import psycopg
import pytest
from uuid_utils.compat import uuid7

from core.db.documents import Stored, drop_documents, known_hashes, swap_documents
from core.db.passages import Passage
from core.db.tenants import list_tenants, shop_of_tenant
from tests.parts.knowledge import DIGEST, opened, teach, the_model, unit

A, B = b"a" * 32, b"b" * 32


def stored(file, key, found, *contents):
    passages = [(Passage(uuid7(), content), [unit(1, place)]) for place, content in enumerate(contents)]
    return Stored(uuid7(), file, key, found, passages)


async def swap(db, shop_id, *documents):
    await the_model(db)
    async with db.shop(shop_id) as conn:
        await swap_documents(conn, shop_id, DIGEST, documents)


async def contents(db, shop_id):
    return [text for (text,) in await db.read(shop_id, "select content from passage order by id")]


async def test_a_shop_begins_to_exist_with_its_first_document_and_its_version_rises_with_each_swap(database):
    async with opened(database.settings) as db:
        versions = []
        for found in (A, B):
            await swap(db, 1, stored("a.md", "", found, "one", "two"))
            versions += await db.read(1, "select version from shop where id = 1")
        assert versions[0] < versions[1]


async def test_a_document_is_swapped_whole_with_its_words_vectors_and_count(database):
    async with opened(database.settings) as db:
        await swap(db, 1, stored("a.md", "", A, "one", "two"), stored("b.md", "", A, "scissors"))
        await swap(db, 1, stored("a.md", "", B, "three"))
        assert ["scissors", "three"] == await contents(db, 1)
        assert [(2,)] == await db.read(1, "select passages from shop where id = 1")
        assert [("scissor",), ("three",)] == await db.read(1, "select lexeme from term order by lexeme")
        assert [(2,)] == await db.read(1, "select count(*)::int from passage_vector")
        assert {("a.md", ""): B} == await known_hashes(db, 1, [("a.md", ""), ("c.md", "")])


async def test_a_reader_sees_the_old_document_until_the_new_one_is_committed_and_never_both_or_neither(database):
    async with opened(database.settings) as db:
        await swap(db, 1, stored("a.md", "", A, "old"))
        async with db.shop(1) as conn:
            await swap_documents(conn, 1, DIGEST, [stored("a.md", "", B, "new")])
            assert ["old"] == await contents(db, 1)
        assert ["new"] == await contents(db, 1)


async def test_passages_written_one_by_one_are_left_alone(database):
    async with opened(database.settings) as db:
        await teach(db, 1, ["by hand"])
        await swap(db, 1, stored("a.md", "", A, "imported"))
        await drop_documents(db, 1, [("a.md", "")])
        assert ["by hand"] == await contents(db, 1)


async def test_the_same_name_in_another_shop_is_another_document(database):
    async with opened(database.settings) as db:
        await swap(db, 1, stored("a.md", "", A, "of one"))
        await swap(db, 2, stored("a.md", "", B, "of two"))
        assert {} == await known_hashes(db, 3, [("a.md", "")])
        await drop_documents(db, 1, [("a.md", "")])
        assert ["of two"] == await contents(db, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into document (shop_id, id, file) values (2, gen_random_uuid(), 'b')",
        "insert into passage (shop_id, id, content, document_id) values (1, gen_random_uuid(), 'x', gen_random_uuid())",
        "insert into document (shop_id, id, file, hash) values (1, gen_random_uuid(), 'b', 'short')",
        "insert into document (shop_id, id, file) values (1, gen_random_uuid(), 'a.md')",
        "update document set hash = null",
        "select from tenant",
    ],
)
async def test_the_database_refuses(database, statement):
    async with opened(database.settings) as db:
        await swap(db, 1, stored("a.md", "", A, "one"))
        with pytest.raises((psycopg.errors.IntegrityError, psycopg.errors.InsufficientPrivilege)):
            async with db.shop(1) as conn:
                await conn.execute(statement)


async def test_a_tenant_keeps_its_shop_and_never_gets_one_that_is_in_use(database):
    async with opened(database.settings) as db:
        await teach(db, 4, ["something"])
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute(
            "insert into api_key (id, shop_id, name, secret_hash) values (gen_random_uuid(), 7, 'k', sha256('s'))"
        )
        assert [8, 9, 8] == [shop_of_tenant(owner, name) for name in ("hotel", "taxi", "hotel")]
        assert {"hotel": 8, "taxi": 9} == list_tenants(owner)
