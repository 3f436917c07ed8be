"""A model server that lies, hangs or falls silent, and a clock that goes back, as a caller of `search` sees them."""

import asyncio
import time

import msgspec
import psycopg
import pytest

from core.db.shops import ShopReader
from core.retrieval.searcher import SearchQuery
from functions import learn, search
from tests.parts import searching
from tests.parts.faulty_models import FAULTS, faulty_models
from tests.parts.functions import bearer, new_key, serving
from tests.parts.searching import OPENING, PARKING, PRICES, QUESTION, SHOP, away, running, settings_of

PATH, LEARN = "/api/knowledge/search", "/api/knowledge/learn/batch"
WORDS = "haircut with wash"


@pytest.fixture
async def models():
    async with faulty_models() as server:
        yield server


@pytest.fixture
async def client(database, models):
    """The function `search`, whose shop was taught while the model was well."""
    settings = settings_of(database, models, embed_deadline_s=0.5)
    async with serving(learn.create_app(settings), headers=bearer(new_key(database, SHOP))) as teacher:
        items = [{"content": content} for content in (OPENING, PRICES, PARKING)]
        assert (await teacher.post(LEARN, json={"shopId": SHOP, "items": items})).is_success
    async with serving(search.create_app(settings)) as client:
        yield client


async def asked(client, query: str) -> dict:
    response = await client.post(PATH, json={"query": query, "shopId": SHOP, "threshold": 0})
    assert response.status_code == 200, response.text
    return response.json()


async def until_whole(client) -> None:
    """Ask what no cache knows until the model takes part again; nobody restarts anything."""
    async with asyncio.timeout(30):
        number = 0
        while "degraded" in await asked(client, f"{WORDS} {number}"):
            number += 1
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("fault", [*FAULTS, "drop", "cut"])
async def test_a_model_that_answers_wrongly_is_replaced_by_words_until_it_is_well(client, models, fault):
    models.fault = fault
    answer = await asked(client, WORDS)
    assert ("embeddings", PRICES) == (answer["degraded"], answer["results"][0]["content"])
    models.fault = None
    await until_whole(client)


async def test_vectors_of_another_length_take_no_part(client, models):
    models.dimensions = 16
    assert (await asked(client, WORDS))["degraded"] == "embeddings"
    models.dimensions = 8
    await until_whole(client)


async def test_another_model_behind_the_same_name_takes_no_part(client, models):
    await asked(client, "haircut")
    models.digest = "two"
    answer = await asked(client, WORDS)
    assert ("embeddings", PRICES) == (answer["degraded"], answer["results"][0]["content"])
    models.digest = "one"
    await until_whole(client)


async def test_a_model_that_hangs_is_replaced_by_words_within_its_time(client, models):
    models.gate.clear()
    answer = await asked(client, WORDS)
    assert ("embeddings", PRICES) == (answer["degraded"], answer["results"][0]["content"])
    models.gate.set()
    await until_whole(client)


@pytest.fixture
async def taught(database, model_server):
    async with running(settings_of(database, model_server)) as process:
        await searching.learn(process.learner, OPENING, PRICES, PARKING, shop_id=SHOP)
        yield process


async def test_a_write_is_seen_although_the_clock_of_the_database_went_back(taught, database):
    with psycopg.connect(database.superuser_dsn) as conn:
        # As it was written an hour from now, by the clock of before.
        conn.execute("update shop set version = version + 3600000000 where id = %s", [SHOP])
    before = (await ShopReader(taught.database).read(SHOP)).version
    await taught.ask("beard oil", threshold=0.0)
    for number in range(3):
        await searching.learn(taught.learner, f"Beard oil number {number}.", shop_id=SHOP)
        assert f"Beard oil number {number}." in await taught.contents("beard oil", threshold=0.0, limit=10)
    assert (await ShopReader(taught.database).read(SHOP)).version > before


async def test_an_answer_from_the_future_is_no_older_than_now(taught, database):
    await taught.ask()
    asked_for = taught.searcher._ask(SearchQuery(QUESTION, SHOP))
    kept = taught.searcher.answers.last(asked_for.name)
    later = msgspec.structs.replace(kept, found_at=time.time() + 3600)
    taught.searcher.answers.put(b"a key of later", asked_for.name, later)
    async with away(database):
        found, _ = await taught.ask()
    assert (found.degraded, found.age_s) == ("database", 0.0)
