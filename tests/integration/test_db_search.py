"""The search: what the score is made of, in one statement, within one shop."""

import math

import msgspec
import psycopg
import pytest
from uuid_utils.compat import uuid7

from core.db.passages import Passage, insert_passages, insert_vectors
from core.db.search import COVERAGE_WEIGHT, KEPT_PLAN_PASSAGES, UNKNOWN_WEIGHT, Question, search, search_within
from core.db.shops import ShopReader
from tests.parts.faulty_models import until
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


async def test_the_nearest_vector_of_a_passage_counts_and_a_sixth_of_it_the_whole(shop):
    hits = await contents(shop, "xyzzy", unit(0, 0, 0, 1))
    best = next(iter(hits.values()))
    assert best.content == "beards are trimmed by Ana"
    assert best.cosine == pytest.approx(5 / 6, abs=1e-3)  # a chunk of it is what was asked for, the whole is at 90°
    assert hits["a haircut costs thirty euros"].cosine == pytest.approx(0.0, abs=1e-3)


async def test_coverage_weighs_words_by_their_idf_and_keeps_unknown_ones_in_the_denominator(shop):
    hits = await contents(shop, "What does a haircut cost, xyzzy?", unit(0, 0, 0, 0, 1))

    def idf(df):
        return math.log(1 + (4 - df + 0.5) / (df + 0.5))

    # haircut and cost stand in two of the four passages, xyzzy in none; the others are stop words.
    assert hits["a haircut costs thirty euros"].coverage == pytest.approx(
        2 * idf(2) / (2 * idf(2) + UNKNOWN_WEIGHT * idf(0))
    )
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


SLIPS = {
    "left out": "haicut",
    "too many": "haircutt",
    "another": "hairbut",
    "swapped": "hairuct",
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
async def test_an_unknown_word_one_slip_away_from_a_known_one_counts_as_that(shop, slip):
    hits = await contents(shop, f"a {slip}?", unit(0, 0, 0, 0, 1))
    assert 1.0 == hits["a haircut costs thirty euros"].coverage
    assert 0.0 == hits["beards are trimmed by Ana"].coverage


@pytest.fixture(scope="module")
async def herbs(shop):
    """The coverages that are not 0 in a shop of words that are one slip away from each other."""
    db, model, _ = shop
    texts = ["a basin", "a basil", "the basil", "another basil", "flight 20231", "zither", "žluťoučký", "a fork"]
    async with db.shop(7) as conn:
        await insert_passages(conn, 7, DIGEST, [(Passage(uuid7(), text), [unit(1)]) for text in texts])
    state = await ShopReader(db).read(7)

    async def found(query, **meaning):
        hits = await search(db, state, query=query, limit=10, **({"model": model, "embedding": unit(1)} | meaning))
        return {hit.content: hit.coverage for hit in hits if hit.coverage}

    return found


async def test_a_slip_of_several_words_counts_as_the_commonest(herbs):
    assert {"a basil": 1.0, "the basil": 1.0, "another basil": 1.0} == await herbs("basix")


async def test_a_slip_is_put_right_whatever_the_first_letter(herbs):
    assert {"zither": 1.0} == await herbs("zihter")
    assert {"žluťoučký": 1.0} == await herbs("žluťoučkký")


async def test_a_known_word_is_never_taken_for_another(herbs):
    assert {"a basin": 1.0} == await herbs("basin")


async def test_short_words_and_numbers_are_what_they_are(herbs):
    assert {} == await herbs("20241 ford")
    assert {"a fork": 1.0} == await herbs("forkk")


async def test_where_words_alone_decide_no_word_is_taken_for_another(herbs):
    assert {} == await herbs("basix", model=None, embedding=None)


# Two slips, another first letter, and words that would mean something in a pattern.
@pytest.mark.parametrize("word", ["hirct", "maircut", "h.ircut", "a+b@c.de", "hair/ut", "h" * 25])
async def test_what_is_no_slip_of_a_known_word_stays_unknown(shop, word):
    hits = await contents(shop, f"{word} sundays", unit(0, 0, 0, 0, 1))
    known, unknown = (math.log(1 + (4 - df + 0.5) / (df + 0.5)) for df in (1, 0))
    assert hits["we are closed on sundays"].coverage == pytest.approx(known / (known + UNKNOWN_WEIGHT * unknown))
    assert 0.0 == hits["a haircut costs thirty euros"].coverage


async def test_a_slip_of_another_shops_word_stays_unknown(shop):
    hits = await contents(shop, "shopp", unit(0, 0, 0, 0, 1))
    assert {0.0} == {hit.coverage for hit in hits.values()}


PLANS = """
select sum(generic_plans)::int, sum(custom_plans)::int from pg_prepared_statements
where statement like '%join passage on%' and statement not like '%pg_prepared_statements%'
"""
SCANS = """
select sum(seq_scan)::int, sum(idx_scan)::int from pg_stat_user_tables where relname in ('passage_vector', 'posting')
"""


@pytest.mark.parametrize(("passages", "kept"), [(1, True), (KEPT_PLAN_PASSAGES, True), (KEPT_PLAN_PASSAGES + 1, False)])
async def test_a_small_shop_is_searched_by_a_plan_that_is_kept_and_a_large_one_by_its_own(
    module_database, shop, passages, kept
):
    _, model, state = shop
    state = msgspec.structs.replace(state, passages=passages)
    async with opened(module_database.settings, database_pool=1) as db:
        found = [await contents((db, model, state), "a haircut", unit(1)) for _ in range(3)]
        assert [(3, 0) if kept else (0, 3)] == await db.read(None, PLANS)
        assert [("force_custom_plan", "on")] == await db.read(
            None, "select current_setting('plan_cache_mode'), current_setting('enable_seqscan')"
        )
    expected = await contents(shop, "a haircut", unit(1))
    assert [expected] * 3 == found


async def test_a_plan_made_when_next_to_nothing_was_there_reads_no_table_whole(module_database, shop):
    _, model, state = shop
    with psycopg.connect(module_database.settings.database_url, autocommit=True) as owner:
        owner.execute("analyze")  # so small a table would be read whole
        before = owner.execute(SCANS).fetchone()
        async with opened(module_database.settings, database_pool=1) as db:
            await contents((db, model, state), "a haircut", unit(1))
        # A session tells of what it read when it ends.
        await until(lambda: owner.execute(SCANS).fetchone()[1] > before[1])
        assert before[0] == owner.execute(SCANS).fetchone()[0]
