"""The routes of the embedded model server: Ollama's answers, word for word (server/routes.go, 0.17.4)."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from litestar import MediaType, Request, post, route
from litestar.datastructures import State

from ops.modelserver.catalogue import LISTED, SHOWN, require_model
from ops.modelserver.encoder import DIMENSIONS, Encoded, InputTooLongError, unit
from ops.modelserver.engine import Engine, StoppingError
from ops.modelserver.protocol import (
    VERSION,
    EmbedRequest,
    EmbedResponse,
    ListResponse,
    ModelRequest,
    Refusal,
    ShowResponse,
    decode,
    texts_of,
)

DECIMALS = 8  # float32 has no more to say of a unit vector's components, and a full repr is twice as long

AnyRequest = Request[Any, Any, State]


class CallerLeftError(Exception):
    """The connection closed before the answer was computed."""


@route("/", http_method=["GET", "HEAD"], media_type=MediaType.TEXT)
async def root() -> str:
    return "Ollama is running"


@route("/api/version", http_method=["GET", "HEAD"])
async def version() -> dict[str, str]:
    return {"version": VERSION}


@route("/api/tags", http_method=["GET", "HEAD"])
async def tags() -> ListResponse:
    return LISTED


@post("/api/show", status_code=200)
async def show(request: AnyRequest) -> ShowResponse:
    asked = decode(await request.body(), ModelRequest)
    require_model(asked.model or asked.name, "model '{}' not found")
    return SHOWN


@post("/api/chat", status_code=200)
async def chat(request: AnyRequest) -> None:
    """No embedding model chats."""
    asked = decode(await request.body(), ModelRequest)
    require_model(asked.model, "model '{}' not found")
    raise Refusal(400, f'"{asked.model}" does not support chat')


@post("/api/embed", status_code=200)
async def embed(request: AnyRequest) -> EmbedResponse:
    started = time.monotonic_ns()
    asked = decode(await request.body(), EmbedRequest)
    texts = texts_of(asked.input)
    require_model(asked.model, 'model "{}" not found, try pulling it first')
    if not texts:
        return EmbedResponse(asked.model, [])
    engine: Engine = request.app.state.engine
    try:
        async with until_caller_leaves(request):
            encoded = await engine.encode(texts, truncate=asked.truncate is not False)
    except InputTooLongError:
        raise Refusal(400, "the input length exceeds the context length") from None
    except StoppingError:
        raise Refusal(503, "the server is stopping") from None
    return EmbedResponse(
        asked.model,
        [numbers(item, asked.dimensions) for item in encoded],
        total_duration=time.monotonic_ns() - started,
        prompt_eval_count=sum(item.tokens for item in encoded),
    )


def numbers(encoded: Encoded, dimensions: int) -> list[float]:
    """The first `dimensions` components at length 1 again, or all of them for 0 and for more than there are."""
    vector = encoded.vector
    if 0 < dimensions < DIMENSIONS:
        vector = unit(vector[:dimensions])
    rounded: list[float] = vector.astype(np.float64).round(DECIMALS).tolist()
    return rounded


@contextlib.asynccontextmanager
async def until_caller_leaves(request: AnyRequest) -> AsyncIterator[None]:
    """Cancels what runs inside when the caller closes the connection; raises CallerLeftError then."""
    inside = asyncio.current_task()
    assert inside is not None
    left = False

    async def watch() -> None:
        nonlocal left
        while (await request.receive())["type"] != "http.disconnect":
            pass
        left = True
        inside.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not left:
            raise
        inside.uncancel()
        raise CallerLeftError from None
    finally:
        watcher.cancel()
