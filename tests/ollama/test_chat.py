"""The chat function with the real Ollama: its model writes, what it writes is checked, and who leaves frees it."""

import asyncio

import ollama
import psutil
import pytest

from core.answer.grounding import ungrounded
from core.answer.prompt import RULES
from core.errors import ModelAnswerUnusable
from core.models.writer import Message, Writer
from core.retrieval.lens import ensure_calibrated
from functions import chat, health
from ops.ollama.server import OllamaServer
from tests.ollama.test_faults import cpu_seconds, rests, wait_until, works
from tests.parts.faulty_models import until
from tests.parts.functions import serving
from tests.parts.searching import learn, running, settings_of
from tests.parts.visits import parsed, visiting

pytestmark = pytest.mark.ollama
PATH = "/api/chat"
PASSAGE = "Dogs are welcome as long as they stay on a lead."
STORY = [Message("user", "Tell a long story about a dog that walks through a town.")]
EVENTS = "text/event-stream"
# 256 tokens take some 5 s of one processor; who stops at the first leaves nearly all of them.
LITTLE_CPU_S = 2.0


@pytest.fixture
def settings(database, ollama_server):
    return settings_of(database, ollama_server, chat_model="smollm2", chat_deadline_s=50)


async def test_the_model_writes_and_nothing_of_it_is_shown_that_the_passages_do_not_hold(settings):
    async with running(settings) as process:
        await ensure_calibrated(process.database, process.embedder)
        await learn(process.learner, PASSAGE)
    async with serving(chat.create_app(settings)) as client:
        body = {"message": "May I bring my dog on a lead?", "shopId": 1}
        events = parsed((await client.post(PATH, json=body, headers={"accept": EVENTS}, timeout=60)).content)
    assert "writing" in [data.get("state") for name, _, data in events if name == "status"]
    done = events[-1][2]
    assert "degraded" not in done
    assert [] == ungrounded(done["response"], [PASSAGE, "I you"])
    assert done["response"] == "".join(data["text"] for name, _, data in events if name == "token").strip()


async def test_a_visitor_who_leaves_frees_the_model_at_once(settings, ollama_server):
    async with running(settings) as process:
        await ensure_calibrated(process.database, process.embedder)
        await learn(process.learner, PASSAGE)
    body = {"message": "May I bring my dog on a lead?", "shopId": 1}
    app = chat.create_app(settings)
    async with serving(app):
        async with visiting(app, PATH, body, accept=EVENTS) as visit:
            await until(lambda: {"state": "writing"} in visit.named("status"))
            await visit.leave()
            assert not visit.named("done")
        slots = app.state.services.writer.slots
        assert (0, 0) == (slots.at_work, len(slots.line))
        await wait_until(lambda: rests(ollama_server))


async def test_a_stream_that_is_closed_stops_the_runner(settings, ollama_server):
    writer = Writer.of(settings)
    expires_at = asyncio.get_running_loop().time() + 60
    pieces = writer.write(STORY, expires_at)
    await anext(pieces)
    before_s = cpu_seconds(ollama_server)
    await pieces.aclose()
    await wait_until(lambda: rests(ollama_server))
    assert cpu_seconds(ollama_server) - before_s < LITTLE_CPU_S
    again = [piece async for piece in writer.write(STORY, expires_at)]
    assert len(again) > 50
    await writer.close()


@pytest.fixture
def own_ollama(layout):
    """A server whose runner may be killed."""
    with OllamaServer(layout) as own:
        yield own


def kill_runner(server) -> None:
    """What a crash of the model looks like: the server lives, the process that it computes in does not."""
    for runner in psutil.Process(server.process.pid).children():
        runner.kill()


async def test_an_error_inside_a_stream_is_an_error_and_the_next_answer_comes(database, own_ollama):
    writer = Writer.of(settings_of(database, own_ollama, chat_model="smollm2"))
    expires_at = asyncio.get_running_loop().time() + 60
    pieces = writer.write(STORY, expires_at)
    await anext(pieces)
    kill_runner(own_ollama)
    with pytest.raises(ModelAnswerUnusable) as raised:
        _ = [piece async for piece in pieces]
    assert isinstance(raised.value.__cause__, ollama.ResponseError)  # the server's own line, under its 200
    again = [piece async for piece in writer.write(STORY, expires_at)]
    assert len(again) > 50
    await writer.close()


async def test_a_runner_that_dies_at_work_leaves_the_visitor_a_passage(database, own_ollama):
    settings = settings_of(database, own_ollama, chat_model="smollm2", chat_deadline_s=50)
    async with running(settings) as process:
        await ensure_calibrated(process.database, process.embedder)
        await learn(process.learner, PASSAGE)
    body = {"message": "May I bring my dog on a lead?", "shopId": 1}
    app = chat.create_app(settings)
    async with serving(app) as client:
        await client.post(PATH, json={**body, "message": "Are dogs welcome?"}, timeout=60)  # both models are loaded
        async with visiting(app, PATH, body, accept=EVENTS) as visit:
            await until(lambda: {"state": "writing"} in visit.named("status"))
            since_s = cpu_seconds(own_ollama)
            await wait_until(lambda: works(own_ollama, since_s))
            kill_runner(own_ollama)
            await visit.saw("done")
            (done,) = visit.named("done")
        assert (PASSAGE, "llm") == (done["response"], done["degraded"])
        assert "degraded" not in (await client.post(PATH, json=body, timeout=60)).json()


async def test_the_health_check_has_the_model_write(settings):
    writer = Writer.of(settings)
    await writer.probe([RULES, Message("user", "Say hello.")])
    await writer.close()
    async with serving(health.create_app(settings)) as client:
        checks = (await client.get("/api/health", timeout=60)).json()["checks"]
    # A model that has to be loaded first may take longer than a check waits, so it is loaded by a probe before.
    assert "ok" == checks["llm"]


async def test_a_model_that_the_server_does_not_have_is_unusable(database, ollama_server):
    writer = Writer.of(settings_of(database, ollama_server, chat_model="no-such-model"))
    with pytest.raises(ModelAnswerUnusable):
        await anext(writer.write(STORY, asyncio.get_running_loop().time() + 30))
    await writer.close()
