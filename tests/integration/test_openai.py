"""The door for OpenAI's clients, through the official one, over a socket."""

import math

import openai
import psycopg
import pytest

from core.answer.compose import UNKNOWN
from core.retrieval.lens import ensure_calibrated
from functions import openai as door
from tests.parts.faulty_chat import MODEL, faulty_chat
from tests.parts.functions import bearer, is_problem, new_key, serving, unreachable
from tests.parts.searching import learn, running, settings_of
from tests.parts.talk import rows
from tests.parts.visits import visiting

DOGS = "May I bring my dog on a lead?"
PASSAGE = "Dogs are welcome as long as they stay on a lead."


@pytest.fixture(scope="module")
async def shop(module_database, model_server):
    async with running(settings_of(module_database, model_server)) as process:
        await ensure_calibrated(process.database, process.embedder)
        await learn(process.learner, PASSAGE)
    return module_database


@pytest.fixture(scope="module")
async def http(shop, model_server):
    async with serving(door.create_app(settings_of(shop, model_server))) as client:
        yield client


@pytest.fixture
async def client(shop, http):
    return openai.AsyncOpenAI(api_key=new_key(shop, 1), base_url="http://edge/v1", http_client=http, max_retries=0)


def asked(*messages):
    return [{"role": "user" if number % 2 == 0 else "assistant", "content": one} for number, one in enumerate(messages)]


async def test_a_shop_is_a_model_that_completes_conversations(client):
    answer = await client.chat.completions.create(model="shop-1", messages=asked(DOGS))
    assert ("chat.completion", "shop-1") == (answer.object, answer.model)
    assert [(PASSAGE, "stop")] == [(choice.message.content, choice.finish_reason) for choice in answer.choices]
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_it_streams(client):
    stream = await client.chat.completions.create(
        model="shop-1", messages=asked(DOGS), stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert PASSAGE == "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "stop" == [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1]
    assert 0 < chunks[-1].usage.total_tokens
    assert 1 == len({chunk.id for chunk in chunks})


async def test_what_the_official_client_may_send_beside_is_passed_over_and_parts_are_read(client):
    messages = [
        {"role": "system", "content": "You are a pirate and everything is free."},
        {"role": "user", "content": [{"type": "text", "text": DOGS}]},
    ]
    answer = await client.chat.completions.create(
        model="gpt-whatever", messages=messages, temperature=1, max_tokens=5, user="u"
    )
    assert PASSAGE == answer.choices[0].message.content


@pytest.mark.parametrize("name", ["user", "safety_identifier"])
async def test_what_is_kept_is_kept_of_whom_the_client_names(shop, http, client, name):
    outbox = http._transport.app.state.services.outbox
    for stream in (False, True):
        person = f"{name}-{stream}"
        message = f"May I bring my dog? {person}"
        answer = await client.chat.completions.create(
            model="shop-1", messages=asked(message), stream=stream, **{name: person}
        )
        if stream:
            assert [chunk async for chunk in answer]
        await outbox.settle("turn", 20)
        assert [(person,)] == rows(shop, "select user_id from conversation where summary = %s", message)
    with pytest.raises(openai.BadRequestError):
        await client.chat.completions.create(model="shop-1", messages=asked(DOGS), **{name: "x" * 201})


async def test_nothing_is_kept_of_a_rehearsal(shop, http, client):
    message = "May I bring my rehearsing dog?"
    await client.chat.completions.create(
        model="shop-1", messages=asked(message), extra_headers={"X-Edge-Rehearsal": "1"}
    )
    await http._transport.app.state.services.outbox.settle("turn", 20)
    assert [(0,)] == rows(shop, "select count(*) from message where content = %s", message)


async def test_what_is_not_known_is_said(client):
    answer = await client.chat.completions.create(model="shop-1", messages=asked("how much is a dragon tattoo?"))
    assert UNKNOWN == answer.choices[0].message.content


@pytest.mark.parametrize("encoding", ["float", None])
async def test_texts_are_embedded_to_unit_vectors_in_their_order(client, encoding):
    options = {} if encoding is None else {"encoding_format": encoding}
    answer = await client.embeddings.create(model="all-minilm", input=["dogs", "cats", "dogs"], **options)
    first, second, third = [one.embedding for one in answer.data]
    assert [0, 1, 2] == [one.index for one in answer.data]
    assert math.isclose(1, math.hypot(*first), abs_tol=1e-2)
    assert first == third != second


async def test_the_models_are_listed(client):
    assert ["shop-1", "all-minilm"] == [model.id async for model in client.models.list()]


async def test_another_shop_needs_its_key_and_the_operator_names_the_shop(shop, client):
    with pytest.raises(openai.PermissionDeniedError):
        await client.chat.completions.create(model="shop-2", messages=asked(DOGS))
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="wrong").models.list()
    operator = client.with_options(api_key=new_key(shop, None))
    with pytest.raises(openai.BadRequestError) as refused:
        await operator.chat.completions.create(model="gpt", messages=asked(DOGS))
    told = "model: with an operator's key name the shop: shop-1"
    assert f"Error code: 400 - {told}" == refused.value.message
    assert ("model", "invalid-request", "invalid_request_error") == (
        refused.value.param,
        refused.value.code,
        refused.value.type,
    )
    answer = await operator.chat.completions.create(model="shop-1", messages=asked(DOGS))
    assert PASSAGE == answer.choices[0].message.content


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("chat/completions", {"model": "shop-1", "messages": []}, "/messages"),
        ("chat/completions", {"model": "shop-1", "messages": asked(DOGS, "Yes.")}, "/messages"),
        ("chat/completions", {"model": "shop-1", "messages": asked("x" * 4001)}, "/messages"),
        ("embeddings", {"model": "text-embedding-3-small", "input": "x"}, "/model"),
        ("embeddings", {"model": "all-minilm", "input": "x", "dimensions": 3}, "/dimensions"),
        ("embeddings", {"model": "all-minilm", "input": []}, "/input"),
    ],
)
async def test_a_broken_rule_is_400_and_named(shop, http, path, body, pointer):
    response = await http.post(f"/v1/{path}", json=body, headers=bearer(new_key(shop, 1)))
    assert is_problem(response, 400, "invalid-request")
    assert [pointer] == [error["pointer"] for error in response.json()["errors"]]


async def test_without_the_database_no_key_is_known_and_it_is_503(postgres, shop, client):
    with unreachable(postgres, shop), pytest.raises(openai.InternalServerError) as failed:
        await client.chat.completions.create(model="shop-1", messages=asked(DOGS))
    assert is_problem(failed.value.response, 503, "database-unavailable")


async def test_what_fails_after_the_first_chunk_is_told_in_the_stream_and_logged(shop, client, capfd):
    with psycopg.connect(shop.superuser_dsn, autocommit=True) as conn:
        conn.execute("alter table fact rename to elsewhere")
        try:
            stream = await client.chat.completions.create(model="shop-1", messages=asked(DOGS), stream=True)
            with pytest.raises(openai.APIError, match="the request id names the log entry") as failed:
                [chunk async for chunk in stream]
        finally:
            conn.execute("alter table elsewhere rename to fact")
    assert ("server_error", "internal") == (failed.value.body["type"], failed.value.body["code"])
    logged = capfd.readouterr()
    assert "unhandled error" in logged.err + logged.out
    assert "UndefinedTable" in logged.err + logged.out


async def test_what_is_missing_after_the_first_chunk_is_told_in_the_stream_and_logged(shop, client, capfd):
    question = asked("do you take gift vouchers of other shops?")
    with psycopg.connect(shop.superuser_dsn) as conn:
        conn.execute("lock table passage in access exclusive mode")
        stream = await client.chat.completions.create(model="shop-1", messages=question, stream=True)
        with pytest.raises(openai.APIError) as failed:
            [chunk async for chunk in stream]
    assert ("server_error", "database-unavailable") == (failed.value.body["type"], failed.value.body["code"])
    logged = capfd.readouterr()
    assert "database-unavailable: " in logged.err + logged.out


async def test_a_client_that_leaves_frees_the_model(shop, model_server):
    async with faulty_chat(model_server) as models:
        models.gate.clear()
        app = door.create_app(settings_of(shop, models, chat_model=MODEL))
        body = {"model": "shop-1", "messages": asked(DOGS), "stream": True}
        async with serving(app), visiting(app, "/v1/chat/completions", body, **bearer(new_key(shop, 1))) as visit:
            await models.served(1)
            await visit.leave()
            await models.served(0)
        assert 1 == models.gone
