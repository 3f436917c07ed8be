"""What is refused before any part of the stack starts, and in which words."""

import asyncio
from pathlib import Path

import pytest

from core.settings import Settings
from ops.stack.instance import InstanceError
from ops.stack.preflight import check_named
from tests.parts.commands import environ_of, run_edge
from tests.parts.faulty_models import faulty_models
from tests.parts.stack import EDGE, free_port


async def refusal(settings: Settings) -> str:
    with pytest.raises(InstanceError) as caught:
        await asyncio.to_thread(check_named, settings, first=True)
    return str(caught.value)


@pytest.mark.parametrize("address", ["http://user:secret@127.0.0.1:{port}", "unix:/nowhere/model-{port}.sock"])
async def test_a_model_server_that_does_not_answer_is_named_with_its_variable(address):
    url = address.format(port=free_port())
    told = await refusal(Settings(ollama_url=url))
    assert f"EDGE_OLLAMA_URL={url.replace('user:secret', '***')}: the model server does not answer" in told
    assert "secret" not in told


async def test_a_model_that_the_server_does_not_have_is_told_with_what_fetches_it_and_what_there_is():
    async with faulty_models() as server:
        server.names = ["llama3.2:1b", "all-minilm:latest"]
        told = await refusal(Settings(ollama_url=server.url, embed_model="nomic-embed-text"))
        await asyncio.to_thread(check_named, Settings(ollama_url=server.url, embed_model="ALL-MiniLM"), first=True)
    assert told.startswith("EDGE_EMBED_MODEL=nomic-embed-text: ")
    assert "`ollama pull nomic-embed-text`" in told
    assert told.endswith("It has: all-minilm:latest, llama3.2:1b")


async def test_the_embedded_server_has_one_model():
    told = await refusal(Settings(embed_model="nomic-embed-text"))
    assert "EDGE_EMBED_MODEL=nomic-embed-text: the embedded model server knows all-minilm only" in told


async def test_a_model_server_that_served_here_before_may_be_away():
    await asyncio.to_thread(check_named, Settings(ollama_url=f"http://127.0.0.1:{free_port()}"), first=False)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("EDGE_NGINX", "/nonexist"), ("EDGE_OLLAMA_URL", "http://127.0.0.1:9"), ("EDGE_EMBED_MODEL", "other")],
)
def test_no_database_is_made_for_a_stack_that_cannot_start(tmp_path: Path, variable, value):
    environ = {**environ_of(tmp_path / "home"), "EDGE_PORT": str(free_port()), variable: value}
    done = run_edge([str(EDGE), "up"], environ)
    assert 1 == done.returncode
    assert f"{variable}={value}" in done.stderr
    assert "postgres" not in done.stdout
    assert [] == list((tmp_path / "home/postgres").iterdir())
