"""The codes of a question: evidence for the passages that have them, and against the others."""

import pytest
from uuid_utils.compat import uuid7

from core.db.passages import Passage, insert_passages
from core.db.search import CODES_FOUND, CODES_MISSING, search
from core.db.shops import ShopReader
from tests.parts.knowledge import DIGEST, opened, the_model, unit

PARTS = ["seal GN-5294 costs 72", "seal GN-5295 costs 12", "seal HK-3732 costs 9", "bolt M8 x 40", "open 10am in 2024"]


@pytest.fixture(scope="module")
async def parts(module_database):
    """What the codes of a question are worth to each passage that was found, all of them equally near."""
    async with opened(module_database.settings) as db:
        model = await the_model(db)
        async with db.shop(1) as conn:
            await insert_passages(conn, 1, DIGEST, [(Passage(uuid7(), text), [unit(1)]) for text in PARTS])
        state = await ShopReader(db).read(1)

        async def codes(query, **meaning):
            meaning = {"model": model, "embedding": unit(1)} | meaning
            return {hit.content: hit.codes for hit in await search(db, state, query=query, limit=10, **meaning)}

        yield codes


@pytest.mark.parametrize("question", ["how much is GN-5294", "gn 5294", "GN5294?", "gn-5294"])
async def test_a_code_speaks_for_the_passage_that_has_it_and_against_all_others(parts, question):
    found = await parts(question)
    assert "seal GN-5294 costs 72" == next(iter(found))
    assert found.pop("seal GN-5294 costs 72") == pytest.approx(CODES_FOUND)
    assert list(found.values()) == pytest.approx([-CODES_MISSING] * 4)


@pytest.mark.parametrize("question", ["how much is GN-5999", "gn 5999", "GN5999"])
async def test_a_code_that_no_passage_has_speaks_against_all_in_a_shop_that_has_others_like_it(parts, question):
    assert list((await parts(question)).values()) == pytest.approx([-CODES_MISSING] * 5)


@pytest.mark.parametrize(
    "question", ["can I park my BMW X5", "in 1999", "SW1A", "a seal at 10am for 72", "M/80", "seal"]
)
async def test_what_is_like_no_code_of_the_shop_says_nothing(parts, question):
    assert {0.0} == set((await parts(question)).values())


async def test_of_two_codes_each_speaks_for_itself(parts):
    found = await parts("GN5294 or HK3732")
    assert found["seal GN-5294 costs 72"] == pytest.approx((CODES_FOUND - CODES_MISSING) / 2)
    assert found["bolt M8 x 40"] == pytest.approx(-CODES_MISSING)


async def test_where_words_alone_decide_codes_are_words(parts):
    found = await parts("GN-5294", model=None, embedding=None)
    assert {"seal GN-5294 costs 72": 0.0, "seal GN-5295 costs 12": 0.0} == found


@pytest.mark.parametrize(
    "code",
    ["a5" * 900, "v 1.5.(", "9999*", "é5[", "x" * 23 + "5", "5" * 2000, "ß5", "z9", "99999.1", "a" * 9 + " 5", "[[ 5"],
)
async def test_any_code_is_a_question(parts, code):
    assert set(PARTS) == set(await parts(code))


async def test_a_code_that_every_passage_has_says_little(module_database):
    async with opened(module_database.settings) as db:
        model = await the_model(db)
        texts = [f"terms of T-2024, part {letter}" for letter in "bcdefghklm"]
        async with db.shop(2) as conn:
            await insert_passages(conn, 2, DIGEST, [(Passage(uuid7(), text), [unit(1)]) for text in texts])
        state = await ShopReader(db).read(2)
        hits = await search(db, state, query="t 2024", limit=10, model=model, embedding=unit(1))
    assert all(0 < hit.codes < CODES_FOUND / 10 for hit in hits)
