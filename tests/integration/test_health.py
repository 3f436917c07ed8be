"""Health asks each part to do something, and tells which of them cannot."""

import asyncio

import msgspec
import pytest

from core.models.writer import Writer
from core.services import open_services
from core.settings import Settings
from functions import health
from functions.health import Checks, Checkup, judge, patience_s
from ops.host.gauges import Reading
from ops.host.vitals import NAME, Vitals
from tests.parts.faulty_chat import MODEL, faulty_chat
from tests.parts.faulty_models import faulty_models, until
from tests.parts.functions import serving, unreachable
from tests.parts.searching import settings_of

PATH = "/api/health"
UNKNOWN = dict.fromkeys(("overall", "errors", "p50", "p95", "p99", "budget"), "grey")
WELL = {"database": "ok", "embeddings": "ok", "llm": "off", "cache": "ok", "outbox": "ok"}


async def asked(settings, status=200):
    async with serving(health.create_app(settings)) as client:
        response = await client.get(PATH)
    assert status == response.status_code
    return response.json()


async def test_all_is_well(database, model_server):
    body = await asked(settings_of(database, model_server))
    assert body.pop("timestamp").endswith("Z")
    assert body == {"status": "ok", "service": "cutting-edge", "version": "0.1.0", "checks": WELL, "levels": UNKNOWN}


async def test_it_tells_the_colours_that_the_host_left(database, model_server):
    settings = settings_of(database, model_server)
    (settings.home / "run").mkdir(exist_ok=True)
    failing = Reading(requests=100, failed=3, buckets=(100, *Reading().buckets[1:]))
    Vitals(settings.home / "run" / NAME).tick(60, [(("chat", 1), failing)])
    levels = (await asked(settings))["levels"]
    assert {**UNKNOWN, "p50": "green", "p95": "green", "p99": "green"} | {
        "overall": "red",
        "errors": "amber",
        "budget": "red",
    } == levels


async def test_without_the_database_it_is_down_until_it_is_back(postgres, database, model_server):
    async with serving(health.create_app(settings_of(database, model_server))) as client:
        with unreachable(postgres, database):
            down = await client.get(PATH)
        well = await client.get(PATH)
    assert (503, "down", "application/json") == (
        down.status_code,
        down.json()["status"],
        down.headers["content-type"],
    )
    assert {**WELL, "database": "down"} == down.json()["checks"]
    assert (200, "ok") == (well.status_code, well.json()["status"])


async def test_without_the_model_it_is_degraded(database):
    body = await asked(settings_of(database, None))
    assert ("degraded", {**WELL, "embeddings": "down"}) == (body["status"], body["checks"])


async def test_a_model_that_hangs_is_down_and_holds_nobody_up_for_long(database):
    async with faulty_models() as models:
        models.gate.clear()
        async with serving(health.create_app(settings_of(database, models, embed_deadline_s=0.2))) as client:
            answers = await asyncio.gather(*(client.get(PATH) for _ in range(4)))
        models.gate.set()
    assert ["down"] * 4 == [answer.json()["checks"]["embeddings"] for answer in answers]


async def test_a_part_that_hangs_is_down_and_asked_once_until_it_answers(database):
    async with faulty_models() as models:
        models.gate.clear()
        async with open_services(settings_of(database, models, embed_deadline_s=60.0), "answers", "writer") as services:
            checkup = Checkup(patience_s=0.05)
            states = {(await checkup.checks(services)).embeddings}
            await until(lambda: len(models.batches) == 2)  # of the gateway that opened, and of the check
            states |= {(await checkup.checks(services)).embeddings for _ in range(3)}
            assert ({"down"}, 2) == (states, len(models.batches))
            models.gate.set()
            while (await checkup.checks(services)).embeddings != "ok":
                pass


@pytest.mark.parametrize("name", ["vectors", "answers"])
async def test_with_one_of_the_caches_broken_it_is_degraded(database, model_server, name):
    settings = settings_of(database, model_server)
    (settings.home / "cache").mkdir(parents=True)
    (settings.home / "cache" / name).write_text("")
    body = await asked(settings)
    assert ("degraded", "down") == (body["status"], body["checks"]["cache"])


@pytest.mark.parametrize(("deadline_s", "expected_s"), [(0.1, 2.5), (2.0, 2.5), (3.0, 3.5), (600.0, 4.5)])
def test_the_model_has_the_time_that_a_question_has_within_the_time_of_a_request(deadline_s, expected_s):
    assert patience_s(Settings(embed_deadline_s=deadline_s)) == expected_s


async def test_a_cache_that_comes_back_is_used_again(database, model_server):
    settings = settings_of(database, model_server)
    folder = settings.home / "cache"
    folder.mkdir(parents=True)
    (folder / "answers").write_text("")
    async with serving(health.create_app(settings)) as client:
        assert "down" == (await client.get(PATH)).json()["checks"]["cache"]
        (folder / "answers").unlink()
        while (await client.get(PATH)).json()["checks"]["cache"] != "ok":
            pass


async def test_without_a_cache_it_is_degraded(database, model_server, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    settings = msgspec.structs.replace(settings_of(database, model_server), home=in_the_way)
    body = await asked(settings)
    assert ("degraded", "down") == (body["status"], body["checks"]["cache"])


async def test_nobody_waits_for_the_parts_at_the_start(database):
    settings = msgspec.structs.replace(
        settings_of(database, None), database_app_url="postgresql://edge_app@127.0.0.1:1/none"
    )
    body = await asked(settings, status=503)
    assert ("down", {**WELL, "database": "down", "embeddings": "down"}) == (body["status"], body["checks"])


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, "ok"),
        ({"llm": "ok"}, "ok"),
        ({"llm": "down"}, "degraded"),
        ({"cache": "degraded"}, "degraded"),
        ({"embeddings": "down"}, "degraded"),
        ({"database": "down"}, "down"),
        ({"database": "degraded"}, "down"),
    ],
)
def test_the_whole_is_judged_by_its_parts(changed, status):
    assert status == judge(Checks(**{**WELL, **changed}))


async def test_a_chat_model_is_judged_by_writing(database, model_server):
    async with faulty_chat(model_server) as models:
        settings = settings_of(database, models, chat_model=MODEL)
        assert ("ok", "ok") == llm_of(await asked(settings))
        models.fault = "an error in the stream"
        assert ("degraded", "down") == llm_of(await asked(settings))


async def test_a_chat_model_that_is_at_work_is_not_asked_and_well(database, model_server):
    async with faulty_chat(model_server) as models:
        settings = settings_of(database, models, chat_model=MODEL)
        writer = Writer.of(settings)
        ticket = writer.slots.join()
        assert await ticket.ready(0)
        assert ("ok", "ok") == llm_of(await asked(settings))
        assert [] == models.prompts
        ticket.leave()
        await writer.close()


def llm_of(body):
    return body["status"], body["checks"]["llm"]
