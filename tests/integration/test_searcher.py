"""Searching: what is answered, from where, and on which rung when a part is away."""

import asyncio
import json
import os
import sys
import textwrap
import time
from contextlib import asynccontextmanager
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from core.cache.disk import DiskCache
from core.errors import DatabaseUnavailable, InvalidRequest, ModelOverloaded, Unavailable
from core.knowledge.learner import Learner, NewPassage
from core.observe.trace import Trace, current_trace
from core.retrieval.searcher import NOTHING, Searcher, SearchQuery
from tests.parts.searching import OPENING, PARKING, PRICES, ids_reply, learn, parts, settings_of

SHOP = 3
QUESTION = "What does a haircut cost?"


class Process:
    """What one process of the search function holds."""

    def __init__(self, database, embedder, disk) -> None:
        self.database, self.embedder, self.disk = database, embedder, disk
        self.learner = Learner(database, embedder)
        self.searcher = Searcher(database, embedder, disk)

    async def ask(self, query: str = QUESTION, **changes):
        """The answer and the trace of one request."""
        trace = Trace("test-request")
        token = current_trace.set(trace)
        try:
            return await self.searcher.search(SearchQuery(query, **{"shop_id": SHOP, **changes})), trace
        finally:
            current_trace.reset(token)

    async def contents(self, query: str = QUESTION, **changes) -> list[str]:
        found, _ = await self.ask(query, **changes)
        return [result.content for result in found.results]


@asynccontextmanager
async def running(settings):
    async with parts(settings) as (database, embedder, disk):
        process = Process(database, embedder, disk)
        try:
            yield process
        finally:
            await process.searcher.close()


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


async def test_shops_never_see_each_others_answers(taught):
    await learn(taught.learner, "A haircut costs 99 in this other shop.", shop_id=4)
    for _ in range(2):
        assert await taught.contents() == [PRICES]
        assert await taught.contents(shop_id=4) == ["A haircut costs 99 in this other shop."]


async def test_an_unknown_shop_knows_nothing_and_costs_no_embedding(process):
    found, trace = await process.ask(shop_id=4711)
    assert found == NOTHING
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
    acknowledged, stale, done = 0, [], False

    async def write():
        nonlocal acknowledged, done
        for number in range(1, 26):
            item = NewPassage(counter.format(number))
            await process.learner.replace(SHOP, UUID(passage_id), item, ids_reply)
            acknowledged = number
        done = True

    async def read(reader):
        answers = 0
        while not done:
            at_least = acknowledged
            found = await ask_reader(reader)
            answers += 1
            if found < at_least:
                stale.append((found, at_least))
        assert await ask_reader(reader) == 25
        return answers

    try:
        _, *answers = await asyncio.gather(write(), *(read(reader) for reader in readers))
    finally:
        for reader in readers:
            reader.stdin.close()
            await reader.wait()
    assert [] == stale
    assert min(answers) >= 10


@pytest.mark.usefixtures("taught")
async def test_without_the_model_words_are_compared_and_nothing_is_cached(database):
    async with running(settings_of(database, None)) as other:
        for _ in range(2):
            found, trace = await other.ask("haircut wash")
            assert [result.content for result in found.results] == [PRICES]
            assert (found.degraded, trace.degraded, trace.cache) == ("embeddings", "embeddings", "miss")
        assert (await other.ask("football match", threshold=0.0))[0].results == ()
        await other.searcher.answers.flush()
        assert other.disk.get(b"") is None
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


@asynccontextmanager
async def away(database):
    """Refuse connections to the database, and end those that there are."""

    def run(statement: str) -> None:
        with psycopg.connect(database.server.dsn("postgres", "postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL(statement).format(sql.Identifier(database.name)))
            conn.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [database.name])

    run("alter database {} with allow_connections false")
    try:
        yield
    finally:
        run("alter database {} with allow_connections true")


async def test_without_the_database_the_shops_last_answer_is_given_with_its_age(taught, database, model_server):
    kept, _ = await taught.ask()
    await taught.searcher.answers.flush()
    async with running(settings_of(database, model_server)) as other, away(database):
        begun = time.time()
        for process in (taught, other):
            found, trace = await process.ask()
            assert found.results_json == kept.results_json
            assert (found.degraded, trace.degraded, trace.cache) == ("database", "database", "stale")
            assert 0 <= found.age_s <= time.time() - begun + 60


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


async def test_another_calibration_is_another_answer(taught, database, model_server):
    before, _ = await taught.ask(threshold=0.0)
    await taught.searcher.answers.flush()
    with psycopg.connect(database.owner_dsn, autocommit=True) as conn:
        conn.execute("update model set midpoint = 5, calibrated_at = now()")
    async with running(settings_of(database, model_server)) as other:
        after, trace = await other.ask(threshold=0.0)
    assert trace.cache == "miss"
    assert after.results[0].similarity < before.results[0].similarity
