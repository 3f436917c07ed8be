"""What `core.models.client` relies on inside the official client, which promises only some of it."""

import inspect

import httpx
import msgspec
import ollama
import pytest

from core.models.client import OllamaClient


def answering(status: int, body: bytes) -> OllamaClient:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, content=body)

    asked: list[httpx.Request] = []
    client = OllamaClient("http://model", transport=httpx.MockTransport(answer))
    client.asked = asked
    return client


async def test_vectors_are_asked_for_as_the_clients_own_method_asks():
    client = answering(200, b'{"model":"m","embeddings":[[1,0.5]],"total_duration":1}')
    own = await client.embed("m", ["a"])
    assert [list(values) for values in own.embeddings] == await client.embeddings_of("m", ["a"])
    theirs, ours = client.asked
    assert (theirs.method, theirs.url, msgspec.json.decode(theirs.content)) == (
        ours.method,
        ours.url,
        msgspec.json.decode(ours.content),
    )


async def test_an_error_of_the_server_is_the_clients_own():
    with pytest.raises(ollama.ResponseError) as caught:
        await answering(404, b'{"error":"model not found"}').embeddings_of("m", ["a"])
    assert 404 == caught.value.status_code


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"embeddings":[["a"]]}', b'{"embeddings":[[NaN]]}', b"\xff"])
async def test_an_answer_of_another_shape_is_a_value_error(body: bytes):
    with pytest.raises(ValueError):  # noqa: PT011 - what the caller catches
        await answering(200, body).embeddings_of("m", ["a"])


def test_the_methods_of_the_client_share_one_way_to_ask():
    assert "self._request_raw(" in inspect.getsource(ollama.AsyncClient._request)
