"""The model server over Ollama's HTTP API, through the official client; every failure is translated here."""

import asyncio
import math
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import httpx
import msgspec
import ollama
from pgvector import HalfVector

from core.errors import ModelAnswerUnusable, ModelUnavailable
from core.models.identity import ModelIdentity, Prefixes, is_uncased, with_tag
from core.models.unix import UnixTransport

T = TypeVar("T")

PROBE_TEXT = "When are you open?"
CONNECTIONS = 8
CLOSING = "the client of the model server is closing"
REPLACED = "the embedding model is being replaced"

# The client raises whatever its parts raise: `ConnectionError` for a refused connection, httpx errors for a lost one.
UNREACHABLE = (OSError, httpx.TransportError, TimeoutError)
# A ResponseError for 4xx and 5xx, ValueError (JSON, UTF-8, pydantic) and, for JSON of another shape, the rest.
UNUSABLE = (ollama.ResponseError, ValueError, TypeError, AttributeError, RecursionError, httpx.HTTPError)
_DROPPED = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds for a connection, and for one call as a whole (a cold model may have to be loaded first)."""

    connect_s: float = 2.0
    call_s: float = 30.0


class _Embeddings(msgspec.Struct):
    embeddings: list[list[float]]


class _Listed(msgspec.Struct):
    model: str = ""
    digest: str = ""


class _Tags(msgspec.Struct):
    models: list[_Listed]


class OllamaClient(ollama.AsyncClient):
    """The official client, with a quicker way to vectors, and to the digests that are looked at beside each of them.

    Its `embed` makes pydantic check each number: a third of a millisecond a text, a fifth of a search.
    `_request_raw`, which its methods share, is private: tests/unit/test_ollama_contract.py holds what is relied on.
    """

    async def embeddings_of(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """What `embed` returns as `embeddings`; msgspec.ValidationError, a ValueError, for anything else."""
        answer = await self._request_raw("POST", "/api/embed", json={"model": model, "input": list(texts)})  # type: ignore[no-untyped-call]
        return _embeddings.decode(answer.content).embeddings

    async def digests(self) -> dict[str, str]:
        """The digest of each model that `list` returns, by its name with its tag; ValueError for anything else."""
        answer = await self._request_raw("GET", "/api/tags")  # type: ignore[no-untyped-call]
        listed = _tags.decode(answer.content).models
        return {with_tag(each.model): each.digest for each in listed if each.model and each.digest}


class ModelClient:
    """One model of one server. Raises ModelUnavailable, and of it ModelAnswerUnusable for a bad answer.

    `url` is `http://host:port`, `https://…` or `unix:/path/to.sock`. Cancelling a call closes its connection,
    which is how the server learns that nobody waits.
    """

    def __init__(
        self,
        url: str,
        model: str,
        timeouts: Timeouts | None = None,
        prefixes: Prefixes | None = None,
    ) -> None:
        self._model = model
        self._prefixes = prefixes or Prefixes()
        self._timeouts = timeouts or Timeouts()
        self._ollama = connect(url, self._timeouts)

    async def close(self) -> None:
        """Close the connections; calls in flight fail."""
        await self._ollama.close()  # type: ignore[no-untyped-call] # the package annotates all but this

    async def identity(self) -> ModelIdentity:
        """What the server has under the model's name, its dimensions taken from an embedding made now."""
        return (await self.introduce())[0]

    async def introduce(self) -> tuple[ModelIdentity, HalfVector]:
        """The identity, and the vector of PROBE_TEXT that it was taken from.

        Raises ModelUnavailable when the name was given to another model meanwhile.
        """
        digest = await self.digest()
        (vector,) = await self.embed([PROBE_TEXT])
        if await self.digest() != digest:
            raise ModelUnavailable(REPLACED)
        model = ModelIdentity(
            self._model, digest, vector.dimensions(), *self._prefixes, uncased=is_uncased(self._model)
        )
        return model, vector

    async def digest(self) -> str:
        """The digest that the server lists for the model; cheap, loads nothing."""
        digest = (await self.digests()).get(with_tag(self._model))
        if digest is None:
            raise ModelAnswerUnusable("the model server does not have the embedding model")
        return digest

    async def digests(self) -> dict[str, str]:
        """The digest of each model that the server lists, by its name with its tag."""
        return await self._call(self._ollama.digests)

    async def footprint_bytes(self) -> int:
        """Memory that the server's loaded models take; without any, the size of this model's file."""
        loaded = await self._call(self._ollama.ps)
        if sizes := [int(model.size or 0) for model in loaded.models]:
            return sum(sizes)
        listed = await self._call(self._ollama.list)
        wanted = with_tag(self._model)
        return sum(int(model.size or 0) for model in listed.models if model.model and with_tag(model.model) == wanted)

    async def embed(self, texts: Sequence[str]) -> list[HalfVector]:
        """One unit vector a text, in order, all of one dimension. A long text is cut by the server."""
        embeddings = await self._call(lambda: self._ollama.embeddings_of(self._model, texts))
        if len(embeddings) != len(texts):
            raise ModelAnswerUnusable("the model server answered with another number of vectors")
        vectors = [_unit(values) for values in embeddings]
        if len({vector.dimensions() for vector in vectors}) > 1:
            raise ModelAnswerUnusable("the model server answered with vectors of several dimensions")
        return vectors

    async def _call(self, request: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._timeouts.call_s):
                try:
                    return await request()
                except _DROPPED:
                    # A kept connection may have died with a server that is back already: ask once more.
                    return await request()
        except UNREACHABLE as error:
            raise ModelUnavailable("the model server does not answer") from error
        except UNUSABLE as error:
            raise ModelAnswerUnusable("the model server answered with an error") from error


def connect(url: str, timeouts: Timeouts) -> OllamaClient:
    """The official client over TCP or a Unix socket, with its timeouts; raises ValueError for what is no URL."""
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    transport: httpx.AsyncHTTPTransport
    if url.startswith("unix:"):
        transport, url = UnixTransport(url.removeprefix("unix:"), limits), "http://localhost"
    else:
        # Loading the certificates of the world takes longer than the whole start: only where TLS is spoken.
        tls = ssl.create_default_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        transport = httpx.AsyncHTTPTransport(verify=tls, limits=limits)
    return OllamaClient(
        url,
        transport=transport,
        timeout=httpx.Timeout(timeouts.call_s, connect=timeouts.connect_s),
        follow_redirects=False,
        trust_env=False,  # a proxy in the environment is for the outside, not for a model beside us
    )


def _unit(values: Sequence[float]) -> HalfVector:
    # hypot is nan or inf when any component is, and does not overflow on large ones.
    length = math.hypot(*values)
    if not math.isfinite(length) or length == 0.0:
        raise ModelAnswerUnusable("the model server answered with a vector that has no direction")
    return HalfVector([value / length for value in values])


_embeddings = msgspec.json.Decoder(_Embeddings)
_tags = msgspec.json.Decoder(_Tags)
