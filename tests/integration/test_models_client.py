import asyncio
import math
import socket
import tempfile

import ollama
import pytest

from core.errors import ModelAnswerUnusable, ModelUnavailable
from core.models.client import ModelClient, Timeouts, connect
from core.models.identity import ModelIdentity, Prefixes
from tests.parts.faulty_models import FAULTS, faulty_models, until


@pytest.fixture
async def faulty():
    async with faulty_models() as server:
        yield server


@pytest.fixture
async def client(faulty):
    client = ModelClient(faulty.url, "all-minilm", Timeouts(connect_s=1, call_s=5), Prefixes("query: ", "document: "))
    yield client
    await client.close()


async def test_vectors_come_back_in_order_and_of_length_one(client, faulty):
    vectors = await client.embed(["one", "two"])
    for vector, text in zip(vectors, ["one", "two"], strict=True):
        given = faulty.vector(text)
        length = math.hypot(*given)
        assert vector.to_list() == pytest.approx([value / length for value in given], abs=1e-3)


async def test_the_quicker_way_to_vectors_asks_and_tells_what_the_official_clients_own_does(faulty):
    client = connect(faulty.url, Timeouts())
    try:
        own = await client.embed("all-minilm", ["one", "two"])
        assert [list(values) for values in own.embeddings] == await client.embeddings_of("all-minilm", ["one", "two"])
        assert [["one", "two"]] * 2 == faulty.batches
        faulty.fault = "a server error"
        with pytest.raises(ollama.ResponseError) as refused:
            await client.embeddings_of("all-minilm", ["one"])
        assert 500 == refused.value.status_code
        for fault in ("garbage", "no UTF-8", "a list", "nothing", "null for a vector", "NaN"):
            faulty.fault = fault
            with pytest.raises(ValueError):  # noqa: PT011 - what `ModelClient` translates
                await client.embeddings_of("all-minilm", ["one"])
    finally:
        await client.close()


async def test_the_identity_holds_digest_dimensions_and_prefixes(client):
    assert await client.identity() == ModelIdentity("all-minilm", "one", 8, "query: ", "document: ", uncased=True)


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_unusable_answer_is_one_error_that_shows_nothing_of_the_server(client, faulty, fault):
    faulty.fault = fault
    with pytest.raises(ModelAnswerUnusable) as refused:
        await client.embed(["one", "two"])
    assert "stopped" not in refused.value.detail
    faulty.fault = None
    assert len(await client.embed(["one"])) == 1


@pytest.mark.parametrize("fault", ["drop", "cut"])
async def test_a_connection_lost_in_mid_answer_is_tried_once_more(client, faulty, fault):
    faulty.fault = fault
    with pytest.raises(ModelUnavailable):
        await client.embed(["one"])
    assert faulty.batches == [["one"], ["one"]]


async def test_a_model_that_the_server_does_not_have_is_unavailable(client, faulty):
    faulty.names = ["all-minilm:22m", "nomic-embed-text:latest"]
    with pytest.raises(ModelUnavailable, match="does not have"):
        await client.identity()


async def test_a_server_that_hangs_is_given_up(faulty):
    faulty.gate.clear()
    # Long enough for the server to have heard the question before it is given up, on a busy machine too.
    client = ModelClient(faulty.url, "all-minilm", Timeouts(connect_s=1, call_s=1))
    with pytest.raises(ModelUnavailable):
        await client.embed(["one"])
    await until(lambda: faulty.gone == 1)
    await client.close()


async def test_a_listener_that_never_accepts_is_given_up():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, socket.create_connection(deaf.getsockname()):
        client = ModelClient(f"http://127.0.0.1:{deaf.getsockname()[1]}", "all-minilm", Timeouts(0.05, 0.05))
        with pytest.raises(ModelUnavailable):
            await client.embed(["one"])
        await client.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "unix:/nowhere/at/all.sock", "http://name.invalid:11434"])
async def test_a_server_that_is_not_there_is_unavailable(url):
    client = ModelClient(url, "all-minilm", Timeouts(1, 1))
    with pytest.raises(ModelUnavailable):
        await client.embed(["one"])
    with pytest.raises(ModelUnavailable):
        await client.identity()
    await client.close()


async def test_cancelling_a_call_closes_its_connection(client, faulty):
    faulty.gate.clear()
    call = asyncio.create_task(client.embed(["one"]))
    await until(lambda: faulty.running == 1)
    call.cancel()
    await until(lambda: faulty.gone == 1)
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_cancellation_in_the_moment_of_the_answer_leaves_nothing_behind():
    """The runner of these tests raises what reaches the loop's exception handler."""
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory(prefix="edge-") as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/model.sock")
        listener.listen()
        listener.setblocking(False)
        client = ModelClient(f"unix:{folder}/model.sock", "all-minilm")
        call = asyncio.create_task(client.embed(["one"]))
        connection, _ = await loop.sock_accept(listener)
        with connection:
            received = b""
            while b"one" not in received:
                received += await loop.sock_recv(connection, 65536)
            for _ in range(10):  # turns in which the client comes to wait for the answer
                await asyncio.sleep(0)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await asyncio.sleep(0)  # one turn: the client's loop has seen the answer, the client has not
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        await client.close()


async def test_a_client_that_leaves_in_mid_request_does_not_wait_for_a_server_that_reads_nothing():
    with tempfile.TemporaryDirectory(prefix="edge-") as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/model.sock")
        listener.listen()
        client = ModelClient(f"unix:{folder}/model.sock", "all-minilm", Timeouts(1, 0.2))
        with pytest.raises(ModelUnavailable):
            await asyncio.wait_for(client.embed(["long " * 400_000]), 10)
        await client.close()


async def test_a_kept_connection_that_died_with_its_server_costs_nothing(client, faulty):
    await client.embed(["one"])
    await faulty.stop()
    await faulty.start()
    assert len(await client.embed(["two"])) == 1


async def test_a_proxy_in_the_environment_is_not_asked(faulty, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "OLLAMA_HOST"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    client = ModelClient(faulty.url, "all-minilm")
    assert len(await client.embed(["one"])) == 1
    await client.close()
