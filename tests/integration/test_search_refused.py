"""Past the model's capacity: who is refused costs the database nothing, and who can be answered is not refused."""

import asyncio
import signal
from contextlib import asynccontextmanager

import psycopg
import pytest

from core.db import shops
from core.db.names import set_names
from core.errors import ModelOverloaded
from core.models.vectors import VectorCache
from core.observe.trace import Trace, current_trace
from core.retrieval.searcher import SearchQuery
from tests.parts.faulty_models import faulty_models, until
from tests.parts.searching import OPENING, PARKING, PRICES, QUESTION, SHOP, away, learn, running, settings_of

IN_LINE, IN_FLIGHT = 2, 2
NEW = "Is there a discount for students?"


@pytest.fixture
async def process(database, own_model_server):
    """A search that has answered one question, and whose line for the model is short."""
    async with running(settings_of(database, own_model_server)) as other:
        await learn(other.learner, OPENING, PRICES, shop_id=SHOP)
    settings = settings_of(database, own_model_server, embed_queue=IN_LINE, embed_deadline_s=30.0)
    async with running(settings) as process:
        await process.ask()
        yield process


@asynccontextmanager
async def full(process, model_server, in_line=IN_LINE):
    """The model stands still with as many questions as may wait for it; yields their searches."""
    model_server.process.send_signal(signal.SIGSTOP)
    waiting = [asyncio.create_task(process.ask(waited_for(number))) for number in range(IN_FLIGHT + in_line)]
    try:
        await until(lambda: process.embedder.state.queue.interactive == in_line)
        yield waiting
    finally:
        model_server.process.send_signal(signal.SIGCONT)
        await asyncio.gather(*waiting, return_exceptions=True)


def waited_for(number: int) -> str:
    return f"Is number {number} the price of a haircut?"


@pytest.fixture
def seen_of_late(monkeypatch):
    """However long the test takes."""
    monkeypatch.setattr(shops, "FRESH_S", 600.0)


@pytest.mark.usefixtures("seen_of_late")
async def test_who_is_refused_does_not_need_the_database(process, database, own_model_server):
    kept = await process.contents()
    async with full(process, own_model_server), away(database):
        with pytest.raises(ModelOverloaded) as refused:
            await process.ask(NEW)
        assert refused.value.retry_after_s >= 1
        found, trace = await process.ask()
        assert ([result.content for result in found.results], trace.degraded) == (kept, "database")


@pytest.mark.usefixtures("seen_of_late")
async def test_who_is_refused_is_counted_as_a_miss_of_the_cache(process, own_model_server):
    trace = Trace("test-request")
    async with full(process, own_model_server):
        token = current_trace.set(trace)
        with pytest.raises(ModelOverloaded):
            await process.searcher.search(SearchQuery(NEW, SHOP))
        current_trace.reset(token)
    assert trace.cache == "miss"
    assert "database" not in trace.seconds


async def test_who_was_answered_before_is_answered_by_what_the_shop_knows_now(process, database, own_model_server):
    async with running(settings_of(database, own_model_server)) as other:
        await learn(other.learner, PARKING, "A haircut costs 19 for students.", shop_id=SHOP)
    async with full(process, own_model_server):
        assert "A haircut costs 19 for students." in await process.contents()


async def test_a_vector_that_is_kept_answers_what_was_never_asked_so(process, own_model_server):
    async with full(process, own_model_server):
        assert await process.contents(QUESTION, limit=1) == [PRICES]


@pytest.mark.usefixtures("seen_of_late")
async def test_an_answer_that_is_kept_needs_no_vector(process, own_model_server):
    process.embedder._cache = VectorCache(None)
    async with full(process, own_model_server):
        assert (await process.ask())[1].cache == "local"


@pytest.mark.usefixtures("seen_of_late")
async def test_who_names_the_shop_is_answered_by_the_vector_of_the_question_about_it(
    process, database, own_model_server
):
    with psycopg.connect(database.owner_dsn) as owner:
        set_names(owner, SHOP, ["The Copper Comb"])
    await process.ask("What does it charge for a haircut?")
    async with full(process, own_model_server):
        assert await process.contents("What does The Copper Comb charge for a haircut?")


@pytest.mark.usefixtures("seen_of_late")
async def test_a_shop_of_another_model_does_not_wait_for_this_one(process, database, own_model_server):
    async with faulty_models() as elsewhere:
        async with running(settings_of(database, elsewhere)) as other:
            await learn(other.learner, PARKING, shop_id=SHOP + 1)
        await process.ask(shop_id=SHOP + 1)
        async with full(process, own_model_server):
            found, _ = await process.ask(NEW, shop_id=SHOP + 1, threshold=0.0)
        assert ([result.content for result in found.results], found.degraded) == ([PARKING], None)
        assert NEW in elsewhere.texts


@pytest.mark.usefixtures("seen_of_late")
async def test_a_line_is_full_when_it_is_too_long_for_the_time_that_one_has(process, database, own_model_server):
    for _ in range(20):
        process.embedder._queue.pace.observe(1, 60.0)
    async with full(process, own_model_server, in_line=IN_LINE - 1), away(database):
        with pytest.raises(ModelOverloaded):
            await process.ask(NEW)


async def test_what_was_seen_of_a_shop_a_while_ago_refuses_nobody(process, database, own_model_server, monkeypatch):
    monkeypatch.setattr(shops, "FRESH_S", 0.0)
    async with full(process, own_model_server):
        with psycopg.connect(database.owner_dsn) as owner:
            owner.execute("select set_config('edge.shop_id', %s, false)", [str(SHOP)])
            owner.execute("delete from passage where shop_id = %s", [SHOP])
        found, _ = await process.ask(NEW)
        assert found.results == ()


@pytest.mark.usefixtures("seen_of_late")
async def test_who_asks_what_others_wait_for_waits_with_them(process, own_model_server):
    async with full(process, own_model_server) as waiting:
        joined = [asyncio.create_task(process.ask(waited_for(number), limit=1)) for number in range(len(waiting))]
        jobs = process.embedder._queue._jobs.values()
        await until(lambda: [job.waiting for job in jobs] == [2] * len(waiting))
        with pytest.raises(ModelOverloaded):
            await process.ask(NEW)
    found = await asyncio.gather(*joined)
    assert [answer.count for answer, _ in found] == [1] * len(waiting)


async def test_a_shop_that_was_not_seen_yet_is_looked_at_first(process, own_model_server):
    async with full(process, own_model_server):
        found, _ = await process.ask(NEW, shop_id=SHOP + 1)
        assert found.results == ()


async def test_who_comes_when_the_line_is_short_again_is_answered(process, own_model_server):
    async with full(process, own_model_server):
        with pytest.raises(ModelOverloaded):
            await process.ask(NEW)
    assert (await process.ask(NEW, threshold=0.0))[0].count
