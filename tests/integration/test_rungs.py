"""The rungs that a search answers from while PostgreSQL or the cache is in trouble, and the model's process stands."""

import asyncio
import os
import signal
import subprocess
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from functions import learn, search
from tests.parts.faulty_models import faulty_models
from tests.parts.full_disk import full_disk
from tests.parts.functions import bearer, is_problem, new_key, serving
from tests.parts.searching import OPENING, PARKING, PRICES, QUESTION, SHOP, settings_of

PATH, LEARN = "/api/knowledge/search", "/api/knowledge/learn/batch"
UNKNOWN = "Is there parking?"
LIMIT_S = 1.0


async def taught(settings, database) -> None:
    async with serving(learn.create_app(settings), headers=bearer(new_key(database, SHOP))) as teacher:
        items = [{"content": content} for content in (OPENING, PRICES, PARKING)]
        assert (await teacher.post(LEARN, json={"shopId": SHOP, "items": items})).is_success


async def asked(client, query=QUESTION):
    return await client.post(PATH, json={"query": query, "shopId": SHOP, "threshold": 0})


@pytest.fixture
async def settings(database):
    async with faulty_models() as models:
        settings = settings_of(database, models, database_timeout_s=LIMIT_S)
        await taught(settings, database)
        yield settings


@pytest.fixture
async def client(settings):
    async with serving(search.create_app(settings)) as client:
        yield client


def execute(database, statement, *values):
    with psycopg.connect(database.server.dsn("postgres", "postgres"), autocommit=True) as conn:
        conn.execute(sql.SQL(statement).format(sql.Identifier(database.name)), values)


@contextmanager
def slow(database):
    """Every statement that looks at the shops or their passages waits for longer than it may take."""
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("lock table shop, passage in access exclusive mode")
        yield


@contextmanager
def without_connections(database):
    execute(database, "alter database {} connection limit 0")
    execute(database, "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", database.name)
    try:
        yield
    finally:
        execute(database, "alter database {} connection limit -1")


@pytest.mark.parametrize("fault", [slow, without_connections])
async def test_a_database_that_is_slow_or_full_gives_way_to_the_last_answer_or_a_503(client, database, fault):
    before = (await asked(client)).json()
    with fault(database):
        last = (await asked(client)).json()
        assert ("database", before["results"]) == (last["degraded"], last["results"])
        refused = await asked(client, UNKNOWN)
        assert is_problem(refused, 503, "database-unavailable")
        assert int(refused.headers["retry-after"]) >= 1
    await until_whole(client)


async def until_whole(client) -> None:
    """Ask what nobody asked before until nothing is missing any more."""
    async with asyncio.timeout(30):
        number = 0
        while (answer := await asked(client, f"{UNKNOWN} {number}")).status_code != 200 or "degraded" in answer.json():
            number += 1
            await asyncio.sleep(0.05)


async def test_a_cache_whose_disk_is_full_costs_nothing_but_time(client):
    with full_disk(4096):
        for query in (QUESTION, QUESTION, UNKNOWN):
            answer = await asked(client, query)
            assert (200, 3) == (answer.status_code, answer.json()["count"])
            assert "degraded" not in answer.json()
    await until_whole(client)


def sizes(folder):
    return {path: path.stat().st_size for path in folder.rglob("*.db")}


@contextmanager
def read_only(folder):
    """A mount that nothing can be written to, root's or not (mount(8), remount,bind,ro)."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system that is read-only for root, too")
async def test_a_cache_that_may_only_be_read_costs_nothing_but_time(settings):
    folder = settings.home / "cache"
    before = sizes(folder)
    with read_only(folder):
        async with serving(search.create_app(settings)) as client:
            for query in (QUESTION, QUESTION, UNKNOWN):
                answer = await asked(client, query)
                assert (200, 3) == (answer.status_code, answer.json()["count"])
                assert "degraded" not in answer.json()
    assert before == sizes(folder) != {}


async def test_the_model_server_stopped_in_the_middle_gives_way_to_words_until_it_goes_on(database, own_model_server):
    settings = settings_of(database, own_model_server, embed_deadline_s=1.0)
    await taught(settings, database)
    async with serving(search.create_app(settings)) as client:
        assert "degraded" not in (await asked(client)).json()
        own_model_server.process.send_signal(signal.SIGSTOP)
        try:
            for number in range(3):
                answer = (await asked(client, f"haircut with wash {number}")).json()
                assert ("embeddings", PRICES) == (answer["degraded"], answer["results"][0]["content"])
            assert "degraded" not in (await asked(client)).json()
        finally:
            own_model_server.process.send_signal(signal.SIGCONT)
        await until_whole(client)


async def test_a_model_server_that_works_by_fits_and_starts_costs_time_and_no_answer(database, own_model_server):
    settings = settings_of(database, own_model_server, embed_deadline_s=20.0)
    await taught(settings, database)
    async with serving(search.create_app(settings)) as client:
        asking = [asyncio.create_task(asked(client, f"{UNKNOWN} {number}")) for number in range(8)]
        while not all(task.done() for task in asking):
            own_model_server.process.send_signal(signal.SIGSTOP)
            await asyncio.wait(asking, timeout=0.1)
            own_model_server.process.send_signal(signal.SIGCONT)
            await asyncio.wait(asking, timeout=0.02)
    answers = [task.result() for task in asking]
    assert [200] * 8 == [answer.status_code for answer in answers]
    assert not any("degraded" in answer.json() for answer in answers)
