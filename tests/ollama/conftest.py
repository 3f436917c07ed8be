"""Both servers that speak the protocol: ours always, the real Ollama where the marker asks for it."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator

import httpx
import ollama
import pytest

from ops.ollama.layout import Layout
from ops.ollama.server import OllamaServer
from tests.parts.models import ModelServer, http_client

BOTH = ["embedded", pytest.param("ollama", marks=pytest.mark.ollama)]
Server = ModelServer | OllamaServer


@pytest.fixture(scope="session")
def layout() -> Layout:
    """The real Ollama as it was built; `make test-ollama` builds it before it runs these tests."""
    layout = Layout.of_user(os.environ)
    assert layout.complete, f"no Ollama in {layout.root}: run make test-ollama"
    return layout


@pytest.fixture(scope="session")
def ollama_server(layout: Layout) -> Iterator[OllamaServer]:
    with OllamaServer(layout) as server:
        yield server


@pytest.fixture(scope="session", params=BOTH)
def server(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue("model_server" if request.param == "embedded" else "ollama_server")


@pytest.fixture(params=BOTH)
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of the test's own, to kill."""
    if request.param == "embedded":
        yield request.getfixturevalue("own_model_server")
        return
    with OllamaServer(request.getfixturevalue("layout")) as own:
        yield own


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with http_client(server.url) as client:
        yield client


@pytest.fixture
async def client(server: Server) -> AsyncIterator[ollama.AsyncClient]:
    async with official_client(server.url) as opened:
        yield opened


@contextlib.asynccontextmanager
async def official_client(url: str) -> AsyncIterator[ollama.AsyncClient]:
    """The client that `core` uses."""
    if url.startswith("unix:"):
        transport = httpx.AsyncHTTPTransport(uds=url.removeprefix("unix:"))
        client = ollama.AsyncClient("http://model", transport=transport, timeout=60)
    else:
        client = ollama.AsyncClient(url, timeout=60, trust_env=False)
    try:
        yield client
    finally:
        await client.close()
