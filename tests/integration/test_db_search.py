"""The search: what the score is made of, in one statement, within one shop."""

import math

import pytest
from uuid_utils.compat import uuid7

from core.db.passages import Passage, insert_passages, insert_vectors
from core.db.search import COVERAGE_WEIGHT, Question, search, search_within
from core.db.shops import ShopReader
from tests.parts.knowledge import DIGEST, opened, the_model, unit

PASSAGES = {
    "a haircut costs thirty euros": [unit(1), unit(1, 1)],
    "we are closed on sundays": [unit(0, 1)],
    "beards are trimmed by Ana": [unit(0, 0, 1), unit(0, 0, 0, 1)],
    "a haircut for children costs fifteen": [unit(1, 0, 0.5)],
}


@pytest.fixture(scope="module")
async def shop(module_database):
    """The database, the model and the state of shop 1; shop 2 has the same passages and one more."""
    async with opened(module_database.settings) as db:
        model = await the_model(db)
        for shop_id, more in ((1, {}), (2, {"a haircut of another shop": [unit(1)]})):
            items = [
                (Passage(uuid7(), content, "prices" if "costs" in content else None, "till", {"n": 1}), vectors)
                for content, vectors in {**PASSAGES, **more}.items()
            ]
            async with db.shop(shop_id) as conn:
                await insert_passages(conn, shop_id, DIGEST, items)
        yield db, model, await ShopReader(db).read(1)


async def contents(shop, query, embedding=None, limit=10, category=None):
    db, model, state = shop
    model = model if embedding else None
    hits = await search(db, state, query=query, limit=limit, category=category, model=model, embedding=embedding)
    return {hit.content: hit for hit in hits}


async def test_the_nearest_vector_of_a_passage_counts_be_it_the_whole_or_a_chunk(shop):
    hits = await contents(shop, "xyzzy", unit(0, 0, 0, 1))
    best = next(iter(hits.values()))
    assert best.content == "beards are trimmed by Ana"
    assert best.cosine == pytest.approx(1.0, abs=1e-3)
    assert hits["a haircut costs thirty euros"].cosine == pytest.approx(0.0, abs=1e-3)


async def test_coverage_weighs_words_by_their_idf_and_keeps_unknown_ones_in_the_denominator(shop):
    hits = await contents(shop, "What does a haircut cost, xyzzy?", unit(0, 0, 0, 0, 1))

    def idf(df):
        return math.log(1 + (4 - df + 0.5) / (df + 0.5))

    # haircut and cost stand in two of the four passages, xyzzy in none; the others are stop words.
    assert hits["a haircut costs thirty euros"].coverage == pytest.approx(2 * idf(2) / (2 * idf(2) + idf(0)))
    assert hits["we are closed on sundays"].coverage == 0


async def test_the_score_is_the_cosine_plus_the_weighed_coverage_and_orders_the_hits(shop):
    hits = await contents(shop, "haircut for children", unit(1, 0, 0.2))
    for hit in hits.values():
        assert hit.score == pytest.approx(hit.cosine + COVERAGE_WEIGHT * hit.coverage)
    scores = [hit.score for hit in hits.values()]
    assert scores == sorted(scores, reverse=True)
    assert next(iter(hits)) == "a haircut for children costs fifteen"


async def test_without_an_embedding_words_alone_decide_and_no_word_means_no_hit(shop):
    hits = await contents(shop, "children's haircuts")
    assert list(hits) == ["a haircut for children costs fifteen", "a haircut costs thirty euros"]
    assert {hit.cosine for hit in hits.values()} == {None}
    assert all(hit.score == hit.coverage > 0 for hit in hits.values())
    assert await contents(shop, "xyzzy") == {}


@pytest.mark.parametrize(
    "query", ["the of and", "???", "💈", "' or 1=1 --", "%s %(shop)s {shop}", "a & !b | (", "x" * 2000]
)
async def test_any_text_is_a_question(shop, query):
    assert len(await contents(shop, query, unit(1))) == 4
    assert await contents(shop, query) == {}


async def test_a_hit_carries_the_whole_passage(shop):
    [hit] = (await contents(shop, "haircut", unit(1), limit=1)).values()
    assert (hit.category, hit.source, hit.metadata) == ("prices", "till", {"n": 1})


async def test_a_category_leaves_only_its_own(shop):
    for embedding in (unit(0, 1), None):
        hits = await contents(shop, "closed sundays haircut", embedding, category="prices")
        assert set(hits) == {content for content in PASSAGES if "costs" in content}
    assert await contents(shop, "haircut", unit(1), category="nothing of the kind") == {}


async def test_a_search_stays_within_its_shop(shop):
    assert set(await contents(shop, "haircut", unit(1), limit=100)) == set(PASSAGES)


async def test_the_limit_is_kept(shop):
    for limit in (1, 2, 3):
        assert len(await contents(shop, "haircut", unit(1), limit=limit)) == limit


async def test_a_passage_that_the_model_has_not_embedded_yet_is_found_by_its_words(database):
    async with opened(database.settings) as db:
        model = await the_model(db)
        passages = [Passage(uuid7(), "a haircut costs thirty"), Passage(uuid7(), "parking behind the house")]
        async with db.shop(1) as conn:
            await insert_passages(conn, 1, DIGEST, [(passage, []) for passage in passages])
            await insert_vectors(conn, 1, DIGEST, [(passages[0].id, [unit(1)])])
        state = await ShopReader(db).read(1)
        hits = await search(db, state, query="parking", limit=5, model=model, embedding=unit(0, 1))
    assert (hits[0].content, hits[0].cosine) == ("parking behind the house", None)


async def test_equal_scores_come_in_one_order(database):
    async with opened(database.settings) as db:
        model = await the_model(db)
        passages = [Passage(uuid7(), "all the same") for _ in range(20)]
        async with db.shop(1) as conn:
            await insert_passages(conn, 1, DIGEST, [(passage, [unit(1)]) for passage in reversed(passages)])
        state = await ShopReader(db).read(1)
        hits = await search(db, state, query="same", limit=7, model=model, embedding=unit(1))
    assert [hit.id for hit in hits] == [passage.id for passage in passages[:7]]


async def test_a_search_within_a_transaction_sees_what_it_wrote(database):
    async with opened(database.settings) as db:
        model = await the_model(db)
        async with db.shop(5) as conn:
            await insert_passages(conn, 5, DIGEST, [(Passage(uuid7(), "not yet committed"), [unit(1)])])
            state = await ShopReader(db).read(5)
            question = Question(query="committed", limit=1, model=model, embedding=unit(1))
            [hit] = await search_within(conn, state, question)
    assert hit.score == pytest.approx(1 + COVERAGE_WEIGHT, abs=1e-3)
