"""What a model server answers: the same facts of ours and of the real Ollama."""

import math

import httpx
import ollama
import pytest

MODEL = "all-minilm"
TOO_LONG = "word " * 300


def embed(http: httpx.Client, **fields) -> httpx.Response:
    return http.post("/api/embed", json={"model": MODEL, **fields})


def cosine(left, right) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True)) / (math.hypot(*left) * math.hypot(*right))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/api/version", "/api/tags"])
def test_its_state_is_read_with_get_and_head(http, method, path):
    reply = http.request(method, path)
    assert reply.status_code == 200
    assert bool(reply.content) == (method == "GET")


def test_it_says_that_it_runs_and_its_version(http):
    assert http.get("/").text == "Ollama is running"
    assert http.get("/api/version").json() == {"version": "0.17.4"}


async def test_a_model_is_listed_with_the_digest_of_what_makes_its_vectors(client):
    (listed,) = (model for model in (await client.list()).models if model.model == f"{MODEL}:latest")
    assert len(bytes.fromhex(listed.digest)) == 32
    assert listed.details.family == "bert"


async def test_show_says_what_a_model_can_do_and_how_many_dimensions_it_has(client):
    shown = await client.show(MODEL)
    assert shown.capabilities == ["embedding"]
    assert shown.modelinfo["bert.embedding_length"] == 384


async def test_one_text_becomes_one_unit_vector(client):
    answer = await client.embed(MODEL, "When do you open on Sunday?")
    (vector,) = answer.embeddings
    assert len(vector) == 384
    assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)
    assert answer.model == MODEL
    assert answer.prompt_eval_count == 9
    assert answer.total_duration > 0


async def test_many_texts_become_vectors_in_their_order(client):
    texts = [f"A beard trim takes {minutes} minutes." for minutes in range(5, 100, 5)]
    together = (await client.embed(MODEL, texts)).embeddings
    assert len(together) == len(texts)
    for text, vector in zip(texts, together, strict=True):
        assert cosine(vector, (await client.embed(MODEL, text)).embeddings[0]) > 0.9999


async def test_the_meaning_decides_which_vectors_are_near(client):
    texts = ["How much is a haircut?", "Price list: a cut costs 20 euros.", "The moon orbits the earth."]
    question, near, far = (await client.embed(MODEL, texts)).embeddings
    assert cosine(question, near) > cosine(question, far) + 0.2


@pytest.mark.parametrize("given", [{}, {"input": None}, {"input": ""}, {"input": []}])
def test_nothing_to_embed_is_answered_with_no_vectors(http, given):
    reply = embed(http, **given)
    assert reply.status_code == 200
    assert reply.json() == {"model": MODEL, "embeddings": []}


async def test_an_empty_text_among_others_has_a_vector(client):
    first, empty = (await client.embed(MODEL, ["open", ""])).embeddings
    assert len(first) == len(empty) == 384


def test_a_text_that_is_too_long_is_cut_unless_the_caller_forbids_it(http):
    (vector,) = embed(http, input=TOO_LONG).json()["embeddings"]
    assert len(vector) == 384
    refused = embed(http, input=["short", TOO_LONG], truncate=False)
    assert refused.status_code == 400
    assert refused.json() == {"error": "the input length exceeds the context length"}


async def test_fewer_dimensions_are_the_first_ones_at_length_1(client):
    (whole,) = (await client.embed(MODEL, "beard")).embeddings
    (short,) = (await client.embed(MODEL, "beard", dimensions=8)).embeddings
    assert len(short) == 8
    assert math.hypot(*short) == pytest.approx(1, abs=1e-5)
    assert cosine(short, whole[:8]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dimensions", [-1, 0, 384, 1000])
async def test_dimensions_that_cannot_shorten_leave_the_vector_whole(client, dimensions):
    (vector,) = (await client.embed(MODEL, "beard", dimensions=dimensions)).embeddings
    assert len(vector) == 384


@pytest.mark.parametrize("name", ["all-minilm:latest", "ALL-MiniLM", "library/all-minilm"])
async def test_a_model_goes_by_its_longer_names_too(client, name):
    assert len((await client.embed(name, "beard")).embeddings) == 1


@pytest.mark.parametrize("name", ["nonesuch", "all-minilm:other", "someone/all-minilm"])
async def test_embedding_with_a_model_that_is_not_there_is_a_404(client, name):
    with pytest.raises(ollama.ResponseError) as caught:
        await client.embed(name, "beard")
    assert caught.value.status_code == 404
    assert caught.value.error == f'model "{name}" not found, try pulling it first'


@pytest.mark.parametrize("path", ["/api/show", "/api/chat"])
def test_showing_or_asking_a_model_that_is_not_there_is_a_404(http, path):
    reply = http.post(path, json={"model": "nonesuch", "messages": [{"role": "user", "content": "Hello"}]})
    assert reply.status_code == 404
    assert reply.json() == {"error": "model 'nonesuch' not found"}


@pytest.mark.parametrize("path", ["/api/show", "/api/chat"])
def test_a_request_without_a_model_is_a_400(http, path):
    reply = http.post(path, json={})
    assert reply.status_code == 400
    assert reply.json() == {"error": "model is required"}


async def test_an_embedding_model_does_not_chat(client):
    with pytest.raises(ollama.ResponseError) as caught:
        await client.chat(MODEL, [{"role": "user", "content": "Hello"}])
    assert caught.value.status_code == 400
    assert caught.value.error == f'"{MODEL}" does not support chat'


@pytest.mark.parametrize("path", ["/api/embed", "/api/show", "/api/chat"])
def test_a_request_without_a_body_is_a_400(http, path):
    reply = http.post(path)
    assert reply.status_code == 400
    assert reply.json() == {"error": "missing request body"}


@pytest.mark.parametrize("body", [b"{x", b"[]", b'"text"', b'{"model":5}', b'{"model":"all-minilm","dimensions":"8"}'])
def test_a_body_that_is_no_request_is_a_400_with_an_error(http, body):
    reply = http.post("/api/embed", content=body)
    assert reply.status_code == 400
    assert list(reply.json()) == ["error"]


@pytest.mark.parametrize("given", [5, True, {"text": "beard"}, ["beard", 5], [["beard"]]])
def test_an_input_that_is_no_text_is_a_400(http, given):
    reply = embed(http, input=given)
    assert reply.status_code == 400
    assert reply.json() == {"error": "invalid input type"}


def test_fields_that_the_server_does_not_know_are_ignored(http):
    assert embed(http, input="beard", keep_alive="5m", options={"seed": 1}, later="thing").status_code == 200


def test_a_path_or_method_that_is_not_there_is_refused_in_plain_text(http):
    missing, wrong = http.get("/api/nonesuch"), http.get("/api/embed")
    assert (missing.status_code, missing.text) == (404, "404 page not found")
    assert (wrong.status_code, wrong.text) == (405, "405 method not allowed")
