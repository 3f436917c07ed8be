"""Callers that leave and servers that die: the same facts of ours and of the real Ollama."""

import asyncio
import time

import httpx
import psutil
import pytest

from tests.ollama.conftest import official_client

MODEL = "all-minilm"
PASSAGE = "The shop opens at nine, and a haircut takes half an hour when nobody waits. " * 12
MINUTES_OF_WORK = [f"{number}. {PASSAGE}" for number in range(1500)]
DEADLINE_S = 30


def cpu_seconds(server) -> float:
    """Processor time of the server and its runners, in seconds."""
    main = psutil.Process(server.process.pid)
    times = [process.cpu_times() for process in (main, *main.children(recursive=True))]
    return sum(spent.user + spent.system for spent in times)


async def wait_until(condition) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not await condition():
        assert time.monotonic() < deadline


async def works(server, since_s: float) -> bool:
    """Whether it has computed for a while, beyond `since_s` of processor time."""
    await asyncio.sleep(0.05)
    return cpu_seconds(server) > since_s + 0.3


async def rests(server) -> bool:
    """Whether it takes no more processor time than idling, over a while that many texts would fit in."""
    before = cpu_seconds(server)
    await asyncio.sleep(0.5)
    return cpu_seconds(server) - before < 0.1


async def test_what_a_caller_who_left_asked_for_is_not_computed(own_server):
    async with official_client(own_server.url) as client:
        before_s = cpu_seconds(own_server)
        asking = asyncio.create_task(client.embed(MODEL, MINUTES_OF_WORK))
        await wait_until(lambda: works(own_server, before_s))
        asking.cancel()
        await wait_until(lambda: rests(own_server))
        assert len((await client.embed(MODEL, "still there")).embeddings) == 1


async def test_a_killed_server_refuses_and_after_a_start_embeds_as_before(own_server):
    async with official_client(own_server.url) as client:
        before = (await client.embed(MODEL, "beard")).embeddings
        digests = {model.model: model.digest for model in (await client.list()).models}
        own_server.kill()
        with pytest.raises(ConnectionError):
            await client.embed(MODEL, "beard")
        own_server.start()
        assert (await client.embed(MODEL, "beard")).embeddings == before
        assert {model.model: model.digest for model in (await client.list()).models} == digests


async def test_a_server_killed_in_the_middle_of_an_answer_ends_the_wait_for_it(own_server):
    async with official_client(own_server.url) as client:
        before_s = cpu_seconds(own_server)
        asking = asyncio.create_task(client.embed(MODEL, MINUTES_OF_WORK))
        await wait_until(lambda: works(own_server, before_s))
        own_server.kill()
        with pytest.raises((httpx.TransportError, ConnectionError)):
            await asking
