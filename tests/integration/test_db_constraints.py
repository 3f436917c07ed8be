"""Bad rows are impossible, whoever writes them, and what is derived stays true."""

import psycopg
import pytest

from tests.parts.knowledge import DIGEST, opened, teach

PASSAGE = (
    "insert into passage (shop_id, id, content, category, source, metadata, updated_at) values (1, gen_random_uuid(),"
)
INTO_VECTOR = "insert into passage_vector (shop_id, model_id, ordinal, passage_id, embedding)"
VECTOR = INTO_VECTOR + " select 1, model.id, {ordinal}, passage.id, '{embedding}' from model, passage"
UNIT = "[1,0,0,0,0,0,0,0]"
ANSWER = "insert into idempotency (shop_id, key_hash, request_hash, status, response) values (1,"
KEY = "insert into api_key (id, shop_id, name, secret_hash, revoked_at) values (gen_random_uuid(),"
MODEL = "insert into model (digest, name, dimensions, midpoint, scale, calibrated_at) values"

BAD = {
    "an empty content": PASSAGE + "'', null, null, '{}', now())",
    "a blank content": PASSAGE + r"E' \n\t ', null, null, '{}', now())",
    "no content": PASSAGE + "null, null, null, '{}', now())",
    "a content of more than 8 MiB": PASSAGE + "repeat('x', 8388609), null, null, '{}', now())",
    "an empty category": PASSAGE + "'content', '', null, '{}', now())",
    "a category without end": PASSAGE + "'content', repeat('c', 201), null, '{}', now())",
    "a source without end": PASSAGE + "'content', null, repeat('s', 2001), '{}', now())",
    "metadata that is a list": PASSAGE + "'content', null, null, '[]', now())",
    "metadata that is null": PASSAGE + "'content', null, null, 'null', now())",
    "changed before it was made": PASSAGE + "'content', null, null, '{}', '2000-01-01')",
    "a vector of another dimension": VECTOR.format(ordinal=9, embedding="[1,0,0]"),
    "a vector that is not of unit length": VECTOR.format(ordinal=9, embedding="[1,1,0,0,0,0,0,0]"),
    "a vector of zeros": VECTOR.format(ordinal=9, embedding="[0,0,0,0,0,0,0,0]"),
    "a vector twice": VECTOR.format(ordinal=0, embedding=UNIT),
    "a negative ordinal": VECTOR.format(ordinal=-1, embedding=UNIT),
    "a vector of a passage that is not": f"{INTO_VECTOR} select 1, id, 0, gen_random_uuid(), '{UNIT}' from model",
    "a vector of a model that is not": f"{INTO_VECTOR} select 1, 999, 9, id, '{UNIT}' from passage",
    "an answer under a short hash": ANSWER + "'short', sha256('r'), 200, '')",
    "an answer to a short hash": ANSWER + "sha256('k'), 'short', 200, '')",
    "an answer of no status": ANSWER + "sha256('k'), sha256('r'), 0, '')",
    "a shop without a positive number": "insert into shop (id) values (0)",
    "a key of shop 0": KEY + "0, 'name', sha256('s'), null)",
    "a key without a name": KEY + "1, ' ', sha256('s'), null)",
    "a key with its secret in the clear": KEY + "1, 'name', 'edge_secret', null)",
    "a key revoked before it was made": KEY + "1, 'name', sha256('s'), '2000-01-01')",
    "a model without dimensions": MODEL + "('d', 'n', 0, null, null, null)",
    "a model of NaN": MODEL + "('d', 'n', 8, 'NaN', 1, now())",
    "a model with a scale of zero": MODEL + "('d', 'n', 8, 0, 0, now())",
    "a model calibrated by half": MODEL + "('d', 'n', 8, 0, null, now())",
    "a model twice": MODEL + f"('{DIGEST}', 'n', 8, null, null, null)",
}


@pytest.fixture(scope="module")
async def taught(module_database):
    async with opened(module_database.settings) as database:
        await teach(database, 1, ["a haircut costs thirty"])
    return module_database


@pytest.mark.parametrize("statement", BAD.values(), ids=BAD.keys())
async def test_it_is_refused(taught, statement):
    # The superuser passes row-level security and grants: only constraints are left.
    with psycopg.connect(taught.superuser_dsn) as conn:
        conn.execute("select set_config('edge.shop_id', '1', true)")
        with pytest.raises(psycopg.IntegrityError):
            conn.execute(statement)


def facts(dsn):
    """Of each shop: its count, and its document frequencies beside those counted from the contents."""
    with psycopg.connect(dsn) as conn:
        counts = conn.execute(
            "select id, passages, (select count(*) from passage where shop_id = shop.id) from shop order by id"
        ).fetchall()
        kept = conn.execute("select shop_id, lexeme, df from term order by 1, 2").fetchall()
        true = conn.execute(
            "select shop_id, lexeme, count(*)::int from passage, lexemes('english', content) as lexeme"
            " group by 1, 2 order by 1, 2"
        ).fetchall()
    return counts, kept, true


def assert_true(dsn):
    counts, kept, true = facts(dsn)
    assert [(kept_count, true_count) for _, kept_count, true_count in counts if kept_count != true_count] == []
    assert kept == true


@pytest.mark.parametrize(
    "statement",
    [
        "insert into passage (shop_id, id, content) select 1, gen_random_uuid(), n from unnest('{a,trim}'::text[]) n",
        "update passage set content = 'shaves and beards'",
        "update passage set content = content || ' again', category = 'services' where category is null",
        "update passage set category = 'services'",
        "delete from passage where content like '%thirty%'",
        "delete from passage",
        "delete from passage where content = 'nothing like it'",
        "insert into passage (shop_id, id, content) values (1, gen_random_uuid(), '!!! ???')",
        "insert into passage (shop_id, id, content) values (1, gen_random_uuid(), repeat('hair cut ', 200000))",
    ],
)
async def test_counts_and_document_frequencies_follow_every_write(database, statement):
    async with opened(database.settings) as opened_database:
        for shop_id in (1, 2):
            await teach(opened_database, shop_id, ["a haircut costs thirty", "beards are trimmed", "haircut and beard"])
        async with opened_database.shop(1) as conn:
            await conn.execute(statement)
    assert_true(database.superuser_dsn)


async def test_words_by_the_hundred_thousand_do_not_overflow(database):
    letters = str.maketrans("0123456789", "bcdfghjkmn")  # of which the stemmer takes nothing off
    words = " ".join(f"w{number}".translate(letters) for number in range(120_000))
    async with opened(database.settings) as opened_database:
        await teach(opened_database, 1, [words])
    with psycopg.connect(database.superuser_dsn) as conn:
        [(count,)] = conn.execute("select count(*) from posting").fetchall()
    assert abs(count - 120_000) < 10  # a piece of 100 000 characters may end within a word
