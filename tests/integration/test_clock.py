"""A clock of the day that is set back an hour: for PostgreSQL, and for a function. The real programs."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from core.db.keys import create_key
from core.db.migrate import migrate
from core.settings import Settings
from functions import learn, search
from ops.stack import postgres as stack_postgres
from tests.integration.test_rungs import LEARN, PATH, asked
from tests.parts.faulty_models import faulty_models
from tests.parts.functions import bearer, serving
from tests.parts.importing import environ_of
from tests.parts.postgres import running_server
from tests.parts.searching import OPENING, PRICES, QUESTION, SHOP, away, settings_of

HOUR_S = 3600
ROOT = Path(__file__).parents[2]
ASK = """
import asyncio, json, os, sys, time
from core.settings import Settings
from functions import search
from tests.parts.functions import serving

async def ask():
    async with serving(search.create_app(Settings.from_environ(os.environ))) as client:
        answer = await client.post(sys.argv[1], json=json.loads(sys.argv[2]))
        print(json.dumps([time.time(), answer.status_code, answer.headers.get("age"), answer.json()]))

asyncio.run(ask())
"""


@pytest.fixture(scope="module")
def set_back():
    """The environment of a process whose clock is an hour behind."""
    folder = Path(tempfile.mkdtemp(prefix="edge-clock-"))
    folder.chmod(0o755)  # PostgreSQL runs under an account of its own
    library = folder / "clock.so"
    source = ROOT / "tests/parts/clock.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    yield {"LD_PRELOAD": str(library), "OFFSET_S": str(-HOUR_S)}
    shutil.rmtree(folder)


async def teach(client, content):
    answer = await client.post(LEARN, json={"shopId": SHOP, "items": [{"content": content}]})
    assert answer.is_success, answer.text


async def contents(client, query=QUESTION):
    return [result["content"] for result in (await asked(client, query)).json()["results"]]


def clock_of(server) -> float:
    with psycopg.connect(server.dsn("postgres")) as conn:
        ((seconds,),) = conn.execute("select extract(epoch from clock_timestamp())::float").fetchall()
    return seconds


async def test_after_the_clock_of_postgresql_was_set_back_every_write_is_seen_at_once(
    tmp_path, tmp_path_factory, set_back, monkeypatch
):
    with running_server(tmp_path_factory.mktemp("clock")) as server:
        migrate(server.owner_dsn)
        with psycopg.connect(server.owner_dsn, autocommit=True) as owner:
            _, key = create_key(owner, name="test", shop_id=SHOP)
        async with faulty_models() as models:
            settings = Settings(
                home=tmp_path, database_url=server.owner_dsn, database_app_url=server.app_dsn, ollama_url=models.url
            )
            async with (
                serving(learn.create_app(settings), headers=bearer(key)) as teacher,
                serving(search.create_app(settings)) as client,
            ):
                await teach(teacher, PRICES)
                assert [PRICES] == await contents(client)
                server.stop()
                with monkeypatch.context() as patch:
                    patch.setattr(stack_postgres, "ENVIRON", {**stack_postgres.ENVIRON, **set_back})
                    server.start()
                server.wait_ready()
                assert -HOUR_S - 60 < clock_of(server) - time.time() < -HOUR_S + 60
                known = {PRICES}
                for number in range(3):
                    known.add(f"Beard oil number {number}.")
                    await teach(teacher, f"Beard oil number {number}.")
                    assert known == set(await contents(client))


async def test_to_a_function_whose_clock_was_set_back_an_answer_from_before_is_no_older_than_now(database, set_back):
    async with faulty_models() as models:
        settings = settings_of(database, models)
        with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
            _, key = create_key(owner, name="test", shop_id=SHOP)
        async with serving(learn.create_app(settings), headers=bearer(key)) as teacher:
            await teach(teacher, OPENING)
        async with serving(search.create_app(settings)) as client:
            before = (await asked(client)).json()
        async with away(database):
            question = json.dumps({"query": QUESTION, "shopId": SHOP, "threshold": 0})
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", ASK, PATH, question),
                cwd=ROOT,
                env={**environ_of(settings), **set_back},
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await asyncio.wait_for(process.communicate(), 60)
    now, status, age, answer = json.loads(out.splitlines()[-1])
    assert -HOUR_S - 90 < now - time.time() < -HOUR_S + 90
    assert (200, "0", "database") == (status, age, answer["degraded"])
    assert before["results"] == answer["results"]
