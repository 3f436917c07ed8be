import asyncio
import contextlib
from collections import Counter

import pytest

from core.cache.disk import DiskCache
from core.errors import InvalidRequest, ModelOverloaded, ModelUnavailable, SettingsError
from core.models.gateway import Embedder
from core.models.identity import ModelIdentity
from core.models.text import Work, vector_key
from core.observe.trace import Trace, current_trace
from core.settings import Settings
from tests.parts.faulty_models import faulty_models, until


@pytest.fixture
async def faulty():
    async with faulty_models() as server:
        yield server


@pytest.fixture
def cache(tmp_path):
    cache = DiskCache(tmp_path / "cache", 4 * 1024 * 1024, "vectors")
    yield cache
    cache.close()


@pytest.fixture
def settings(tmp_path, faulty):
    return Settings(home=tmp_path, ollama_url=faulty.url, embed_queue=16, embed_deadline_s=5.0)


@pytest.fixture
async def embedder(settings, cache):
    embedder = await Embedder.open(settings, cache)
    await embedder.identity()
    yield embedder
    await embedder.close()


@pytest.fixture
async def hasty(tmp_path, faulty, cache):
    """A gateway that knows its model and gives it next to no time."""
    embedder = await Embedder.open(Settings(home=tmp_path, ollama_url=faulty.url, embed_deadline_s=0.3), cache)
    await until(lambda: embedder.state.model)
    yield embedder
    faulty.gate.set()
    await embedder.close()


def asked(faulty):
    """How often each text was sent, the probe's aside."""
    return Counter(text for text in faulty.texts if text != "When are you open?")


async def ended(tasks):
    return [type(outcome) for outcome in await asyncio.gather(*tasks, return_exceptions=True)]


async def test_a_text_is_embedded_once_and_then_comes_from_the_cache(embedder, faulty):
    first = await embedder.embed_query("A  fade, please")
    second = await embedder.embed_query(" A fade,\nplease ")
    assert (first.cached, second.cached) == (False, True)
    assert first.vector == second.vector
    assert asked(faulty) == {"A fade, please": 1}
    assert (embedder.state.hits, embedder.state.misses) == (1, 1)


async def test_the_cache_outlives_the_process(embedder, settings, cache):
    first = await embedder.embed_query("a fade")
    await embedder.close()
    again = await Embedder.open(settings, cache)
    embedded = await again.embed_query("a fade")
    assert (embedded.cached, embedded.vector) == (True, first.vector)
    await again.close()


async def test_known_questions_are_answered_while_the_model_is_down(embedder, faulty):
    await embedder.embed_query("a fade")
    await faulty.stop()
    assert (await embedder.embed_query("a fade")).cached
    with pytest.raises(ModelUnavailable):
        await embedder.embed_query("a shave")


async def test_a_damaged_value_in_the_cache_is_a_miss(embedder, cache):
    model = await embedder.identity()
    for text, value in (("a", b""), ("b", b"\0\x08\0\0short"), ("c", b"\0\x02\0\0\0\0\0\0")):
        await cache.put(vector_key(model, Work("", text)), value)
        assert not (await embedder.embed_query(text)).cached


async def test_equal_questions_at_once_are_one_call(embedder, faulty):
    answers = await asyncio.gather(*(embedder.embed_query("a fade") for _ in range(20)))
    assert len({str(answer.vector) for answer in answers}) == 1
    assert asked(faulty) == {"a fade": 1}


async def test_questions_and_passages_get_their_prefixes(tmp_path, faulty):
    settings = Settings(home=tmp_path, ollama_url=faulty.url, embed_model="nomic-embed-text")
    faulty.names = ["nomic-embed-text:latest"]
    embedder = await Embedder.open(settings, None)
    await embedder.embed_query("a fade")
    await embedder.embed_documents(["a fade"])
    assert asked(faulty) == {"search_query: a fade": 1, "search_document: a fade": 1}
    await embedder.close()


async def test_passages_come_back_in_order_with_doubles_sent_once(embedder, faulty):
    texts = [f"passage {number % 30}" for number in range(60)]
    vectors = await embedder.embed_documents(texts)
    assert len(vectors) == 60
    assert vectors[:30] == vectors[30:]
    assert set(asked(faulty).values()) == {1}
    assert max(len(batch) for batch in faulty.batches) <= 8
    assert await embedder.embed_documents([]) == []


async def test_what_was_embedded_before_a_failure_is_not_embedded_again(embedder, faulty):
    faulty.poison = "passage 20"
    texts = [f"passage {number}" for number in range(24)]
    with pytest.raises(ModelUnavailable):
        await embedder.embed_documents(texts)
    faulty.poison = None
    before = asked(faulty)
    await embedder.embed_documents(texts)
    again = asked(faulty) - before
    assert "passage 20" in again
    assert again.total() < 8  # a read that meets a writer may miss


async def test_a_text_that_the_model_chokes_on_does_not_take_its_neighbours_with_it(embedder, faulty):
    faulty.gate.clear()
    faulty.poison = "bad"
    tasks = [asyncio.create_task(embedder.embed_query(text)) for text in ("a", "b", "c", "bad", "d")]
    await until(lambda: embedder.state.queue.interactive == 3)
    faulty.gate.set()
    await asyncio.wait(tasks)
    assert [task.exception() is None for task in tasks] == [True, True, True, False, True]
    assert embedder.state.queue.breaker == "closed"


async def test_bulk_work_gives_way_and_at_most_two_calls_are_in_flight(embedder, faulty):
    bulk = asyncio.create_task(embedder.embed_documents([f"passage {number}" for number in range(64)]))
    questions = [asyncio.create_task(embedder.embed_query(f"question {number}")) for number in range(16)]
    await asyncio.gather(bulk, *questions)
    assert faulty.most_running <= 2


async def test_a_full_queue_says_when_to_come_back(embedder, faulty):
    faulty.gate.clear()
    tasks = [asyncio.create_task(embedder.embed_query(f"question {number}")) for number in range(18)]
    await until(lambda: embedder.state.queue.interactive == 16)
    with pytest.raises(ModelOverloaded) as refused:
        await embedder.embed_query("one more")
    assert refused.value.retry_after_s >= 1
    faulty.gate.set()
    await asyncio.gather(*tasks)


async def test_a_model_that_hangs_costs_the_deadline_once_and_then_nothing(hasty, faulty):
    faulty.gate.clear()
    tasks = [asyncio.create_task(hasty.embed_query(f"question {number}")) for number in range(8)]
    assert await ended(tasks) == [ModelUnavailable] * 8
    with pytest.raises(ModelUnavailable):
        await hasty.embed_query("another")
    assert len(asked(faulty)) == 2  # the others were in line: nobody waits for a model that hangs


async def test_a_cold_model_is_not_interrupted_and_its_late_answer_is_kept(hasty, faulty):
    faulty.gate.clear()
    with pytest.raises(ModelUnavailable):
        await hasty.embed_query("cold")
    faulty.gate.set()
    await until(lambda: hasty.state.queue.breaker == "closed")
    assert (await hasty.embed_query("cold")).cached
    assert asked(faulty) == {"cold": 1}


async def test_the_time_running_out_in_the_queue_is_an_overload(hasty, faulty):
    faulty.gate.clear()
    # Bulk calls have more time, so nothing has stalled when the question's own time is over.
    bulk = [asyncio.create_task(hasty.embed_documents(["passage"]))]
    await until(lambda: faulty.running == 1)
    hasty._queue._bulk_due = True  # the other place is kept for the next piece
    with pytest.raises(ModelOverloaded):
        await hasty.embed_query("question")
    hasty._queue._bulk_due = False
    assert hasty.state.queue.interactive == 0
    faulty.gate.set()
    await asyncio.gather(*bulk)


async def test_a_visitor_who_leaves_stops_the_model_when_nobody_else_waits(embedder, faulty):
    faulty.gate.clear()
    first, second = (asyncio.create_task(embedder.embed_query("a fade")) for _ in range(2))
    await until(lambda: faulty.running == 1)
    first.cancel()
    await asyncio.wait([first])
    assert faulty.gone == 0
    second.cancel()
    await until(lambda: faulty.gone == 1)
    faulty.gate.set()
    assert not (await embedder.embed_query("a fade")).cached


async def test_a_writer_who_leaves_stops_the_bulk_work(embedder, faulty):
    faulty.gate.clear()
    bulk = asyncio.create_task(embedder.embed_documents([f"passage {number}" for number in range(40)]))
    await until(lambda: faulty.running == 1)
    bulk.cancel()
    await until(lambda: faulty.gone == 1)
    assert embedder.state.queue.bulk == 0
    faulty.gate.set()
    assert len(await embedder.embed_documents(["passage 1"])) == 1


async def test_closing_answers_everybody(settings, faulty):
    embedder = await Embedder.open(settings, None)
    await embedder.identity()
    faulty.gate.clear()
    tasks = [asyncio.create_task(embedder.embed_query(f"question {number}")) for number in range(9)]
    tasks.append(asyncio.create_task(embedder.embed_documents(["passage"])))
    tasks.append(asyncio.create_task(embedder.probe()))
    await until(lambda: embedder.state.queue.interactive)
    await embedder.close()
    assert await ended(tasks) == [ModelUnavailable] * 11
    with pytest.raises(ModelUnavailable):
        await embedder.embed_query("late")


async def test_it_opens_without_the_model_and_finds_it_when_it_comes(settings, faulty):
    await faulty.stop()
    embedder = await Embedder.open(settings, None)
    for _ in range(5):
        with pytest.raises(ModelUnavailable):
            await embedder.embed_query("a fade")
    assert embedder.state.queue.breaker == "open"
    await faulty.start()
    await recovered(embedder)
    await embedder.close()


async def test_it_finds_a_model_that_comes_back(embedder, faulty):
    await faulty.stop()
    for number in range(4):
        with pytest.raises(ModelUnavailable):
            await embedder.embed_query(f"question {number}")
    assert embedder.state.queue.breaker == "open"
    await faulty.start()
    await recovered(embedder)


async def recovered(embedder):
    async def answers():
        with contextlib.suppress(ModelUnavailable):
            return await embedder.embed_query("a shave")

    async with asyncio.timeout(10):
        while not await answers():  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.02)


async def test_another_model_behind_the_name_is_noticed_before_its_vectors_are_used(embedder, faulty):
    old = await embedder.embed_query("a fade")
    faulty.digest = "two"
    new = await embedder.embed_query("a shave")
    assert new.model == ModelIdentity("all-minilm", "two", 8, uncased=True)
    again = await embedder.embed_query("a fade")
    assert (again.cached, again.model.digest) == (False, "two")
    assert again.vector != old.vector


async def test_a_vector_of_another_model_is_never_kept_as_one_of_the_model_before(embedder, faulty):
    one = await embedder.identity()
    faulty.digest = "two"
    with pytest.raises(ModelUnavailable, match="replaced"):
        await embedder.embed_documents(["a fade"], one)
    of_two = await embedder.embed_query("a fade")
    faulty.digest = "one"
    await embedder.embed_query("a shave")
    back = await embedder.embed_query("a fade")
    assert ("one", False) == (back.model.digest, back.cached)
    faulty.digest = "two"
    await embedder.embed_query("a beard")
    again = await embedder.embed_query("a fade")
    assert ("two", True, of_two.vector) == (again.model.digest, again.cached, again.vector)


async def test_a_call_during_which_the_name_changes_counts_for_neither_model(embedder, faulty):
    faulty.gate.clear()
    asking = asyncio.create_task(embedder.embed_query("a fade"))
    await until(lambda: faulty.running == 1)
    faulty.digest = "two"
    faulty.gate.set()
    assert (await asking).model.digest == "two"
    assert asked(faulty) == {"a fade": 2}


async def test_a_look_that_began_before_a_call_ended_does_not_speak_for_it(embedder, faulty):
    faulty.gate.clear()
    first = asyncio.create_task(embedder.embed_query("a fade"))
    await until(lambda: faulty.running == 1)
    looks = faulty.tags
    faulty.tags_gate.clear()
    faulty.gate.set()
    await until(lambda: faulty.tags == looks + 1)  # its look saw the model of now, and is on its way back
    faulty.digest = "two"
    second = asyncio.create_task(embedder.embed_query("a shave"))
    await until(lambda: faulty.tags == looks + 2)
    faulty.tags_gate.set()
    assert ["one", "two"] == [(await asking).model.digest for asking in (first, second)]


async def test_a_model_that_nobody_asked_for_a_while_is_looked_at_before_it_is_asked(embedder, faulty):
    faulty.digest = "two"
    embedder._watch._seen_at -= 60
    faulty.gate.clear()
    asking = asyncio.create_task(embedder.embed_query("a fade"))
    await until(lambda: faulty.running == 1)  # the text that its identity is taken from
    faulty.tags_gate.clear()
    faulty.gate.set()
    await until(lambda: faulty.running == 0)
    faulty.gate.clear()
    faulty.tags_gate.set()
    await until(lambda: asked(faulty)["a fade"] == faulty.running == 1)
    faulty.digest = "one"
    faulty.gate.set()
    assert (await asking).model.digest == "one"
    assert asked(faulty) == {"a fade": 2}


async def test_another_model_is_noticed_although_every_question_is_known(embedder, faulty):
    await embedder.embed_query("a fade")
    faulty.digest = "two"
    embedder._watch._looked_at -= 60
    assert (await embedder.identity()).digest == "one"
    await until(lambda: embedder.state.model.digest == "two")


async def test_vectors_of_another_length_are_refused_unless_the_model_is_another(embedder, faulty):
    faulty.dimensions = 12
    with pytest.raises(ModelUnavailable, match="another length"):
        await embedder.embed_query("a fade")
    faulty.digest = "two"
    assert (await embedder.embed_query("a fade")).model == ModelIdentity("all-minilm", "two", 12, uncased=True)


async def test_passages_are_never_of_two_models(embedder, faulty):
    model = await embedder.identity()
    await embedder.embed_documents(["one"], model)
    faulty.digest = "two"
    with pytest.raises(ModelUnavailable, match="replaced"):
        await embedder.embed_documents(["one", "two"], model)
    assert len(await embedder.embed_documents(["one", "two"])) == 2


async def test_a_probe_is_a_real_embedding_shared_and_remembered(embedder, faulty):
    before = len(faulty.batches)
    models = await asyncio.gather(*(embedder.probe() for _ in range(5)))
    assert {model.digest for model in models} == {"one"}
    await embedder.probe()
    assert len(faulty.batches) == before + 1


async def test_a_probe_finds_a_model_that_answers_with_other_vectors(embedder, faulty):
    await embedder.probe()
    embedder._probe._until = 0.0
    wrong = faulty.vector
    faulty.vector = lambda text: wrong(text + "!")
    with pytest.raises(ModelUnavailable, match="other vectors"):
        await embedder.probe()
    with pytest.raises(ModelUnavailable):  # remembered as well
        await embedder.probe()


async def test_a_probe_during_which_the_name_changes_leaves_nothing_to_compare_with(embedder, faulty):
    faulty.gate.clear()
    probing = asyncio.create_task(embedder.probe())
    await until(lambda: faulty.running == 1)
    faulty.digest = "two"
    faulty.gate.set()
    with pytest.raises(ModelUnavailable, match="replaced"):
        await probing
    faulty.digest = "one"
    embedder._probe._until = 0.0
    assert (await embedder.probe()).digest == "one"


async def test_a_probe_closes_the_circuit_when_the_model_is_back(embedder, faulty):
    await faulty.stop()
    for number in range(4):
        with pytest.raises(ModelUnavailable):
            await embedder.embed_query(f"question {number}")
    await faulty.start()
    await embedder.probe()
    assert embedder.state.queue.breaker == "closed"


async def test_a_text_without_content_never_reaches_the_model(embedder, faulty):
    with pytest.raises(InvalidRequest):
        await embedder.embed_query(" \n ")
    with pytest.raises(InvalidRequest):
        await embedder.embed_documents(["fine", " "])
    assert asked(faulty) == {}


async def test_the_time_spent_is_in_the_trace(embedder):
    trace = Trace("request")
    current_trace.set(trace)
    await embedder.embed_query("a fade")
    assert trace.seconds["embedding"] > 0


@pytest.mark.parametrize("url", [None, "http://host:not-a-port"])
async def test_a_server_that_cannot_be_named_is_an_error_of_the_settings(tmp_path, url):
    with pytest.raises(SettingsError, match="EDGE_OLLAMA_URL"):
        await Embedder.open(Settings(home=tmp_path, ollama_url=url), None)
