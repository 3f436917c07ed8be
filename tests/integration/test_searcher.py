"""Searching: what is answered, from where, and never from before a write."""

import asyncio
import json
import os
import sys
import textwrap
from uuid import UUID

import psycopg
import pytest

from core.db.names import set_names
from core.errors import InvalidRequest
from core.knowledge.document import NewPassage
from core.retrieval.searcher import NOTHING, SearchQuery
from tests.parts.searching import OPENING, PARKING, PRICES, QUESTION, SHOP, ids_reply, learn, running, settings_of


@pytest.fixture
async def process(database, model_server):
    async with running(settings_of(database, model_server)) as process:
        yield process


@pytest.fixture
async def taught(process):
    await learn(process.learner, OPENING, PRICES, PARKING, shop_id=SHOP)
    return process


async def test_a_question_finds_the_passage_that_answers_it(taught):
    found, trace = await taught.ask()
    assert found.results[0].content == PRICES
    assert found.count == len(found.results) == len(json.loads(found.results_json))
    assert list(json.loads(found.results_json)[0]) == [
        "id",
        "content",
        "category",
        "similarity",
        "source",
        "metadata",
    ]
    assert 0.5 <= found.results[0].similarity <= 1
    assert (found.degraded, found.age_s, trace.cache, trace.degraded) == (None, None, "miss", None)
    assert trace.seconds.keys() >= {"embedding", "database"}


async def test_a_foreign_question_finds_nothing_and_a_threshold_of_zero_everything(taught):
    assert await taught.contents("Who won the football match last night?") == []
    everything = await taught.contents("Who won the football match last night?", threshold=0.0)
    assert len(everything) == 3
    assert await taught.contents(threshold=1.0) == []
    assert await taught.contents(limit=1, threshold=0.0) == [PRICES]


async def test_similarities_fall_and_stay_within_zero_and_one(taught):
    found, _ = await taught.ask(threshold=0.0)
    similarities = [result.similarity for result in found.results]
    assert similarities == sorted(similarities, reverse=True)
    assert all(0 <= similarity <= 1 for similarity in similarities)


async def test_a_category_narrows_the_search(taught):
    reply = await taught.learner.learn(SHOP, [NewPassage(PRICES, "prices", "menu", {"currency": "EUR"})], ids_reply)
    found, _ = await taught.ask(category="prices", threshold=0.0)
    assert [(result.id, result.source, result.metadata) for result in found.results] == [
        (json.loads(reply.body)["ids"][0], "menu", {"currency": "EUR"})
    ]
    assert await taught.contents(category="staff", threshold=0.0) == []


NAMING = "The Copper Comb stands in Tanner Street."


async def test_a_question_that_names_the_shop_is_answered_as_if_it_did_not(taught, database):
    await learn(taught.learner, NAMING, shop_id=SHOP)
    asked = "is there any parking at the copper comb"
    assert NAMING == (await taught.contents(asked, threshold=0.0))[0]
    with psycopg.connect(database.owner_dsn) as owner:
        set_names(owner, SHOP, ["The Copper Comb"])
    assert PARKING == (await taught.contents(asked, threshold=0.0))[0]  # and not what was cached
    bare, _ = await taught.ask("is there any parking at it", threshold=0.0)
    named, _ = await taught.ask(asked, threshold=0.0)
    assert bare.results == named.results


async def test_a_question_for_the_shop_itself_is_answered_by_its_name(taught, database):
    await learn(taught.learner, NAMING, shop_id=SHOP)
    with psycopg.connect(database.owner_dsn) as owner:
        set_names(owner, SHOP, ["The Copper Comb"])
    for asked in ("where is the copper comb", "The Copper Comb"):
        assert NAMING == (await taught.contents(asked, threshold=0.0))[0]


async def test_shops_never_see_each_others_answers(taught):
    await learn(taught.learner, "A haircut costs 99 in this other shop.", shop_id=4)
    for _ in range(2):
        assert await taught.contents() == [PRICES]
        assert await taught.contents(shop_id=4) == ["A haircut costs 99 in this other shop."]


async def test_an_unknown_shop_knows_nothing_and_costs_no_embedding(process):
    found, trace = await process.ask(shop_id=4711)
    assert found == NOTHING
    assert "embedding" not in trace.seconds


async def test_a_shop_without_passages_knows_nothing_and_is_not_degraded(process, database):
    """Which an import leaves that was stopped after it had made the shop."""
    with psycopg.connect(database.owner_dsn) as owner:
        set_names(owner, 4712, ["The Copper Comb"])
    found, trace = await process.ask(shop_id=4712)
    assert found == NOTHING
    assert found.degraded is None
    assert "embedding" not in trace.seconds


async def test_a_question_without_content_is_refused(process):
    for text in ("   ", "\u3000\n", "half \ud800 a pair"):
        with pytest.raises(InvalidRequest):
            await process.ask(text)


async def test_the_same_question_is_answered_from_the_process_then_from_the_disk(taught, database, model_server):
    first, _ = await taught.ask()
    again, trace = await taught.ask("  What does a\n haircut   cost? ")
    assert (again, trace.cache) == (first, "local")
    assert trace.seconds.keys() == {"database", "cache"}
    await taught.searcher.answers.flush()
    async with running(settings_of(database, model_server)) as other:
        from_disk, trace = await other.ask()
        assert (from_disk, trace.cache) == (first, "disk")
        assert (await other.ask())[1].cache == "local"


async def test_equal_searches_at_the_same_time_are_one_search(taught):
    answers = await asyncio.gather(*(taught.ask() for _ in range(40)))
    assert len({id(found.results_json) for found, _ in answers}) == 1
    assert taught.searcher.joined == 39


async def test_a_search_goes_on_when_the_first_who_asked_has_gone(taught):
    first = asyncio.ensure_future(taught.ask())
    second = asyncio.ensure_future(taught.ask())
    while not taught.searcher.joined:  # noqa: ASYNC110 - both are past the version read when this one has joined
        await asyncio.sleep(0)
    first.cancel()
    assert [result.content for result in (await second)[0].results] == [PRICES]


@pytest.mark.parametrize("change", ["learn", "replace", "delete"])
async def test_an_acknowledged_write_is_in_the_next_answer_of_every_process(taught, database, model_server, change):
    ids = {PRICES: (await taught.searcher.search(SearchQuery(QUESTION, SHOP))).results[0].id}
    new = "A haircut costs 31 from today on."
    async with running(settings_of(database, model_server)) as other:
        for process in (taught, other):
            assert await process.contents() == [PRICES]
        if change == "learn":
            await learn(other.learner, new, shop_id=SHOP)
        elif change == "replace":
            await other.learner.replace(SHOP, UUID(ids[PRICES]), NewPassage(new), ids_reply)
        else:
            await other.learner.delete(SHOP, UUID(ids[PRICES]), ids_reply)
        for process in (taught, other):
            found = await process.contents()
            assert (PRICES in found) is (change == "learn")
            assert (new in found) is (change != "delete")


async def test_another_database_behind_the_same_cache_is_never_answered_for(postgres, tmp_path, model_server):
    """The folder of a database may be deleted, or a backup restored, while the cache stays."""
    answers = []
    for price in (28, 31):
        with postgres.fresh(tmp_path) as database:
            async with running(settings_of(database, model_server)) as process:
                await learn(process.learner, f"A haircut with wash costs {price}.", shop_id=SHOP)
                answers += await process.contents()
    assert answers == ["A haircut with wash costs 28.", "A haircut with wash costs 31."]


READER = """
    import asyncio, os, sys
    from core.settings import Settings
    from core.retrieval.searcher import Searcher, SearchQuery
    from tests.parts.searching import parts

    async def main():
        settings = Settings.from_environ(os.environ)
        async with parts(settings) as (database, embedder, disk):
            searcher = Searcher(database, embedder, disk)
            print("ready", flush=True)
            # Each line names the number that the shop holds by now: an answer with a lower one is stale.
            while line := await asyncio.to_thread(sys.stdin.readline):
                found = await searcher.search(SearchQuery("What number is the counter at?", 3, threshold=0.0))
                print(found.results[0].content.split()[-1].rstrip("."), flush=True)
            await searcher.close()

    asyncio.run(main())
    """


async def start_reader(settings) -> asyncio.subprocess.Process:
    code = textwrap.dedent(READER)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdin=pipe, stdout=pipe, env={**os.environ, **settings.to_environ()}
    )
    assert await process.stdout.readline() == b"ready\n"
    return process


async def ask_reader(process: asyncio.subprocess.Process) -> int:
    process.stdin.write(b"?\n")
    return int(await process.stdout.readline())


async def test_two_processes_that_share_a_disk_cache_are_never_stale_under_concurrent_writes(
    process, database, model_server
):
    counter = "The counter is at number {}."
    (passage_id,) = await learn(process.learner, counter.format(0), shop_id=SHOP)
    readers = [await start_reader(settings_of(database, model_server)) for _ in range(2)]
    acknowledged, answers, stale, done = 0, [0, 0], [], False

    async def write():
        nonlocal acknowledged, done
        while acknowledged < 25 or min(answers) < 25:
            item = NewPassage(counter.format(acknowledged + 1))
            await process.learner.replace(SHOP, UUID(passage_id), item, ids_reply)
            acknowledged += 1
        done = True

    async def read(place):
        while not done:
            at_least = acknowledged
            found = await ask_reader(readers[place])
            answers[place] += 1
            if found < at_least:
                stale.append((found, at_least))
        assert await ask_reader(readers[place]) == acknowledged

    try:
        await asyncio.gather(write(), read(0), read(1))
    finally:
        for reader in readers:
            reader.stdin.close()
            await reader.wait()
    assert [] == stale


async def test_another_calibration_is_another_answer(taught, database, model_server):
    before, _ = await taught.ask(threshold=0.0)
    await taught.searcher.answers.flush()
    with psycopg.connect(database.owner_dsn, autocommit=True) as conn:
        conn.execute("update model set midpoint = 5, calibrated_at = now()")
    async with running(settings_of(database, model_server)) as other:
        after, trace = await other.ask(threshold=0.0)
    assert trace.cache == "miss"
    assert after.results[0].similarity < before.results[0].similarity
