"""The search function over a real database and a real model."""

import asyncio
import re

import pytest

from functions import learn, search
from tests.parts.faulty_models import faulty_models
from tests.parts.functions import bearer, is_problem, new_key, serving, unreachable
from tests.parts.searching import OPENING, PARKING, PRICES, settings_of

PATH = "/api/knowledge/search"
MOST_IN_LINE = 192
OPEN_ON_MONDAY = "Are you open on Monday?"


@pytest.fixture(scope="module")
async def client(module_database, model_server):
    settings = settings_of(module_database, model_server)
    async with serving(learn.create_app(settings), headers=bearer(new_key(module_database, 1))) as teacher:
        for category, content in (("hours", OPENING), ("prices", PRICES), ("access", PARKING)):
            metadata = {"of": category, "nested": {"é": [1, 2.5, None, True]}}
            body = {"shopId": 1, "content": content, "category": category, "source": "site", "metadata": metadata}
            assert (await teacher.post("/api/knowledge/learn", json=body)).status_code == 200
    async with serving(search.create_app(settings)) as client:
        yield client


async def taught(teacher):
    body = {"shopId": 1, "content": OPENING}
    assert 200 == (await teacher.post("/api/knowledge/learn", json=body)).status_code


async def test_a_question_finds_the_passage_that_answers_it(client):
    response = await client.post(PATH, json={"query": f"  {OPEN_ON_MONDAY} ", "shopId": 1, "limit": 1})
    assert response.status_code == 200
    body = response.json()
    (result,) = body.pop("results")
    assert body.pop("timestamp").endswith("Z")
    assert body == {"query": OPEN_ON_MONDAY, "count": 1}
    assert 0.5 <= result.pop("similarity") <= 1
    assert len(result.pop("id")) == 36
    assert result == {
        "content": OPENING,
        "category": "hours",
        "source": "site",
        "metadata": {"of": "hours", "nested": {"é": [1, 2.5, None, True]}},
    }


async def test_the_defaults_are_shop_1_and_five_results(client):
    assert (await client.post(PATH, json={"query": OPEN_ON_MONDAY})).json()["results"][0]["content"] == OPENING


async def test_a_cached_answer_is_the_same_but_for_its_time(client):
    bodies = [(await client.post(PATH, json={"query": "is there parking?"})).json() for _ in range(2)]
    assert {**bodies[0], "timestamp": ""} == {**bodies[1], "timestamp": ""}


async def test_a_category_leaves_the_others_out_and_a_blank_one_does_not(client):
    everything = {"query": OPEN_ON_MONDAY, "threshold": 0}
    found = (await client.post(PATH, json={**everything, "category": "prices"})).json()["results"]
    assert ["prices"] == [result["category"] for result in found]
    assert 3 == (await client.post(PATH, json={**everything, "category": " "})).json()["count"]


async def test_a_threshold_of_zero_gives_all_and_of_one_none(client):
    counts = [
        (await client.post(PATH, json={"query": OPEN_ON_MONDAY, "threshold": threshold})).json()["count"]
        for threshold in (0, 1)
    ]
    assert [3, 0] == counts


async def test_a_shop_that_knows_nothing_finds_nothing(client):
    body = (await client.post(PATH, json={"query": OPEN_ON_MONDAY, "shopId": 2**31 - 1})).json()
    assert ([], 0) == (body["results"], body["count"])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"query": "  a b  "[:4]}, "/query"),
        ({"query": " " * 5000}, "/query"),
        ({"query": "x" * 2001}, "/query"),
        ({"query": 5}, "/query"),
        ({"query": None}, "/query"),
        ({"shopId": 0}, "/shopId"),
        ({"shopId": -1}, "/shopId"),
        ({"shopId": 2**31}, "/shopId"),
        ({"shopId": "1"}, "/shopId"),
        ({"shopId": True}, "/shopId"),
        ({"limit": 0}, "/limit"),
        ({"limit": 101}, "/limit"),
        ({"limit": 1.5}, "/limit"),
        ({"threshold": -0.01}, "/threshold"),
        ({"threshold": 1.01}, "/threshold"),
        ({"category": "x" * 201}, "/category"),
        ({"category": ["x"]}, "/category"),
        ({"shop_id": 1}, "/shop_id"),
        ({"top~k/": 1}, "/top~0k~1"),
    ],
)
async def test_a_broken_rule_is_400_and_named_by_its_pointer(client, change, pointer):
    response = await client.post(PATH, json={"query": OPEN_ON_MONDAY, **change})
    assert is_problem(response, 400, "invalid-request")
    assert [pointer] == [error["pointer"] for error in response.json()["errors"]]


@pytest.mark.parametrize("query", ["abc", "x" * 2000, " \n abc \t", f"  {'é' * 2000}  ", "🙂🙂🙂"])
async def test_the_bounds_of_a_question_count_trimmed_characters(client, query):
    response = await client.post(PATH, json={"query": query})
    assert (200, query.strip()) == (response.status_code, response.json()["query"])


async def test_optional_fields_may_be_null(client):
    body = {"query": OPEN_ON_MONDAY, "category": None, "threshold": None}
    assert 200 == (await client.post(PATH, json=body)).status_code


async def test_without_the_model_the_answer_is_by_words_and_says_so(database, own_model_server):
    known = settings_of(database, own_model_server)
    async with serving(learn.create_app(known), headers=bearer(new_key(database, 1))) as teacher:
        await taught(teacher)
    own_model_server.kill()
    async with serving(search.create_app(known)) as client:
        body = (await client.post(PATH, json={"query": "open on Saturdays until two?", "threshold": 0})).json()
    assert ("embeddings", OPENING) == (body["degraded"], body["results"][0]["content"])


async def test_without_the_database_the_last_answer_is_given_with_its_age(postgres, database, model_server):
    settings = settings_of(database, model_server, database_timeout_s=1.0)
    async with serving(learn.create_app(settings), headers=bearer(new_key(database, 1))) as teacher:
        await taught(teacher)
    async with serving(search.create_app(settings)) as client:
        before = (await client.post(PATH, json={"query": OPEN_ON_MONDAY})).json()
        with unreachable(postgres, database):
            response = await client.post(PATH, json={"query": OPEN_ON_MONDAY})
            unknown = await client.post(PATH, json={"query": "never asked before"})
        again = (await client.post(PATH, json={"query": OPEN_ON_MONDAY})).json()
    body = response.json()
    assert (200, "database", before["results"]) == (response.status_code, body["degraded"], body["results"])
    assert body["ageSeconds"] >= 0
    assert response.headers["age"].isdigit()
    assert is_problem(unknown, 503, "database-unavailable")
    assert int(unknown.headers["retry-after"]) >= 1
    assert "degraded" not in again


async def test_who_waits_for_the_model_leaves_places_for_what_does_not_need_it(database):
    async with faulty_models() as models:
        async with serving(
            learn.create_app(settings_of(database, models)), headers=bearer(new_key(database, 1))
        ) as teacher:
            await taught(teacher)
        settings = settings_of(database, models, embed_queue=MOST_IN_LINE, embed_deadline_s=60.0)
        async with serving(search.create_app(settings)) as client:
            known = {"query": "who are you?"}
            assert 200 == (await client.post(PATH, json=known)).status_code
            models.gate.clear()
            asked: list[asyncio.Task] = []
            while await in_line(client) < MOST_IN_LINE:  # in waves, or they would meet each other at the gate
                asked += [asyncio.create_task(client.post(PATH, json=new)) for new in questions(len(asked), 20)]
                await asyncio.wait(asked, timeout=0.1)
            refused = [await client.post(PATH, json=new) for new in questions(len(asked), 20)]
            answers = [await client.post(PATH, json=body) for body in (known, {"query": "?"}, {**known, "shopId": 7})]
            models.gate.set()
            await asyncio.gather(*asked)
    assert all(is_problem(answer, 503, "model-overloaded") for answer in refused)
    assert [200, 400, 200] == [answer.status_code for answer in answers]


def questions(first, count):
    return [{"query": f"question {number}"} for number in range(first, first + count)]


async def in_line(client) -> float:
    told = re.search(r"^edge_embed_waiting\{.*\} (.+)$", (await client.get("/metrics/search")).text, re.MULTILINE)
    return float(told[1])


async def test_a_full_queue_before_the_model_is_503_with_retry_after(database):
    async with faulty_models() as models:
        settings = settings_of(database, models, embed_queue=1, embed_deadline_s=20.0)
        async with serving(
            learn.create_app(settings_of(database, models)), headers=bearer(new_key(database, 1))
        ) as teacher:
            await taught(teacher)
        async with serving(search.create_app(settings)) as client:
            assert 200 == (await client.post(PATH, json={"query": "who are you?"})).status_code
            models.gate.clear()
            asked = [asyncio.create_task(client.post(PATH, json={"query": f"question {n}"})) for n in range(8)]
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            models.gate.set()
            refused = done.pop().result()
            await asyncio.gather(*asked)
    assert is_problem(refused, 503, "model-overloaded")
    assert int(refused.headers["retry-after"]) >= 1
