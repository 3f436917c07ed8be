"""Past the model's capacity: who is refused costs the database nothing, and who can be answered is not refused."""

import asyncio
import signal
from contextlib import asynccontextmanager

import pytest

from core.errors import ModelOverloaded
from core.observe.trace import Trace, current_trace
from core.retrieval.searcher import SearchQuery
from tests.parts.faulty_models import until
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
async def full(process, model_server):
    """The model stands still with as many questions as may wait for it; yields their searches."""
    model_server.process.send_signal(signal.SIGSTOP)
    waiting = [asyncio.create_task(process.ask(waited_for(number))) for number in range(IN_FLIGHT + IN_LINE)]
    try:
        await until(lambda: process.embedder.state.queue.interactive == IN_LINE)
        yield waiting
    finally:
        model_server.process.send_signal(signal.SIGCONT)
        await asyncio.gather(*waiting, return_exceptions=True)


def waited_for(number: int) -> str:
    return f"Is number {number} the price of a haircut?"


async def test_who_is_refused_does_not_need_the_database(process, database, own_model_server):
    kept = await process.contents()
    async with full(process, own_model_server), away(database):
        with pytest.raises(ModelOverloaded) as refused:
            await process.ask(NEW)
        assert refused.value.retry_after_s >= 1
        found, trace = await process.ask()
        assert ([result.content for result in found.results], trace.degraded) == (kept, "database")


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


async def test_who_asks_what_others_wait_for_waits_with_them(process, own_model_server):
    async with full(process, own_model_server) as waiting:
        joined = [asyncio.create_task(process.ask(waited_for(number), limit=1)) for number in range(len(waiting))]
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
