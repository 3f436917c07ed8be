"""The rungs: what is answered when the model, the database or the cache is away, each made so in earnest."""

import asyncio
import time

import msgspec
import pytest

from core.cache.disk import DiskCache
from core.errors import DatabaseUnavailable, ModelOverloaded, Unavailable
from core.knowledge.learner import Learner
from core.retrieval.searcher import Searcher, SearchQuery
from tests.parts.searching import (
    OPENING,
    PARKING,
    PRICES,
    QUESTION,
    SHOP,
    Process,
    away,
    learn,
    parts,
    running,
    settings_of,
)


@pytest.fixture
async def process(database, model_server):
    async with running(settings_of(database, model_server)) as process:
        yield process


@pytest.fixture
async def taught(process):
    await learn(process.learner, OPENING, PRICES, PARKING, shop_id=SHOP)
    return process


async def test_without_the_model_words_are_compared_and_nothing_is_cached(database, own_model_server):
    async with running(settings_of(database, own_model_server)) as process:
        await learn(process.learner, OPENING, PRICES, PARKING, shop_id=SHOP)
    own_model_server.kill()
    async with running(settings_of(database, own_model_server)) as other:
        for _ in range(2):
            found, trace = await other.ask("haircut wash")
            assert [result.content for result in found.results] == [PRICES]
            assert (found.degraded, trace.degraded, trace.cache) == ("embeddings", "embeddings", "miss")
        assert (await other.ask("football match", threshold=0.0))[0].results == ()
        await other.searcher.answers.flush()
        asked = other.searcher._ask(SearchQuery("haircut wash", SHOP))
        assert other.searcher.answers.last(asked.name) is None
        assert len(other.searcher.answers.local) == 0


async def test_a_model_that_dies_and_comes_back_is_used_again(database, own_model_server):
    async with running(settings_of(database, own_model_server, embed_deadline_s=1.0)) as process:
        await learn(process.learner, OPENING, PRICES, shop_id=SHOP)
        kept, _ = await process.ask()
        own_model_server.kill()
        assert (await process.ask())[0] == kept
        found, _ = await process.ask("haircut wash")
        assert (found.degraded, found.results[0].content) == ("embeddings", PRICES)
        own_model_server.start()
        await asyncio.wait_for(until_whole(process, "haircut wash"), 30)


async def until_whole(process: Process, query: str = QUESTION) -> None:
    """Ask until the answer is not degraded any more."""
    while True:
        try:
            found, _ = await process.ask(query)
        except Unavailable:
            pass
        else:
            if found.degraded is None:
                return
        await asyncio.sleep(0.05)


async def test_a_model_that_is_too_busy_is_said_and_not_papered_over(database, model_server):
    async with running(settings_of(database, model_server)) as process:
        await learn(process.learner, OPENING, PRICES, shop_id=SHOP)
    async with running(settings_of(database, model_server, embed_queue=1)) as process:
        await process.ask()
        many = (process.ask(f"Is number {number} the price of a haircut?") for number in range(40))
        outcomes = await asyncio.gather(*many, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, ModelOverloaded)]
    assert refused
    assert all(error.retry_after_s >= 1 for error in refused)
    assert all(outcome[0].degraded is None for outcome in outcomes if not isinstance(outcome, Exception))


async def test_without_the_database_the_shops_last_answer_is_given_with_its_age(taught, database, model_server):
    kept, _ = await taught.ask()
    await taught.searcher.answers.flush()
    async with running(settings_of(database, model_server)) as other, away(database):
        for process in (taught, other):
            found, trace = await process.ask()
            assert found.results_json == kept.results_json
            assert (found.degraded, trace.degraded, trace.cache) == ("database", "database", "stale")


async def test_the_age_of_a_last_answer_is_the_time_since_it_was_found(taught, database):
    await taught.ask()
    asked = taught.searcher._ask(SearchQuery(QUESTION, SHOP))
    kept = taught.searcher.answers.last(asked.name)
    found_at = time.time() - 5000
    taught.searcher.answers.put(b"an old key", asked.name, msgspec.structs.replace(kept, found_at=found_at))
    await taught.searcher.answers.flush()
    async with away(database):
        begun = time.time()
        found, _ = await taught.ask()
        assert begun - found_at <= found.age_s <= time.time() - found_at


async def test_without_the_database_an_answer_of_another_shop_or_question_is_never_given(taught, database):
    await taught.ask()
    async with away(database):
        for changes in ({"shop_id": 4}, {"limit": 4}, {"category": "prices"}, {"threshold": 0.4}, {"query": "Prices?"}):
            with pytest.raises(DatabaseUnavailable) as raised:
                await taught.ask(**changes)
            assert raised.value.retry_after_s >= 1


async def test_the_last_answer_is_the_newest_one_of_any_process(taught, database, model_server):
    await taught.ask()
    async with running(settings_of(database, model_server)) as other:
        await learn(other.learner, "A haircut costs 31 from today on.", shop_id=SHOP)
        newest, _ = await other.ask()
        await other.searcher.answers.flush()
        async with away(database):
            assert (await taught.ask())[0].results_json == newest.results_json


async def test_a_database_that_comes_back_is_used_again(taught, database):
    await taught.ask()
    async with away(database):
        assert (await taught.ask())[0].degraded == "database"
    await asyncio.wait_for(until_whole(taught), 30)


async def test_with_neither_model_nor_database_there_is_the_last_answer_or_an_error(taught, database):
    kept, _ = await taught.ask()
    await taught.searcher.answers.flush()
    async with running(settings_of(database, None)) as other, away(database):
        assert (await other.ask())[0].results_json == kept.results_json
        with pytest.raises(DatabaseUnavailable):
            await other.ask("Do you have parking?")


async def test_a_search_works_without_a_usable_cache(database, model_server, tmp_path):
    (tmp_path / "blocked").write_text("")
    async with parts(settings_of(database, model_server)) as (db, embedder, _):
        await learn(Learner(db, embedder), OPENING, PRICES, shop_id=SHOP)
        for disk in (None, DiskCache(tmp_path / "blocked", 1 << 20, "answers")):
            searcher = Searcher(db, embedder, disk)
            for _ in range(2):
                found = await searcher.search(SearchQuery(QUESTION, SHOP))
                assert found.results[0].content == PRICES
            await searcher.close()
            if disk is not None:
                disk.close()
