"""The routes of the embedded model server: Ollama's answers, word for word, over one embedding model."""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
from litestar import Litestar, MediaType, Request, Response, post, route
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from ops.modelserver.encoder import CONTEXT_TOKENS, DIMENSIONS, RECIPE, Encoded, InputTooLongError, unit
from ops.modelserver.engine import Engine, StoppingError
from ops.modelserver.files import MODEL, TOKENIZER
from ops.modelserver.protocol import (
    VERSION,
    EmbedRequest,
    EmbedResponse,
    ListedModel,
    ListResponse,
    ModelDetails,
    ModelRequest,
    Refusal,
    ShowResponse,
    decode,
    texts_of,
)

logger = logging.getLogger(__name__)

NAME = "all-minilm"
SIZE_BYTES = 22_928_619
DIGEST = hashlib.sha256(f"{MODEL.sha256} {TOKENIZER.sha256} {RECIPE}".encode()).hexdigest()
DETAILS = ModelDetails("onnx", "bert", ["bert"], "22.7M", "INT8")
RELEASED = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
BODY_LIMIT_BYTES = 32 * 2**20
DECIMALS = 8  # of a unit vector's float32 components nothing is left beyond; half the bytes of a full repr

AnyRequest = Request[Any, Any, State]


class CallerLeftError(Exception):
    """The connection closed before the answer was computed."""


def create_app(engine: Engine) -> Litestar:
    """The ASGI application over a running engine; the caller closes the engine."""

    @route("/", http_method=["GET", "HEAD"], media_type=MediaType.TEXT)
    async def root() -> str:
        return "Ollama is running"

    @route("/api/version", http_method=["GET", "HEAD"])
    async def version() -> dict[str, str]:
        return {"version": VERSION}

    @route("/api/tags", http_method=["GET", "HEAD"])
    async def tags() -> ListResponse:
        listed = ListedModel(f"{NAME}:latest", f"{NAME}:latest", RELEASED, SIZE_BYTES, DIGEST, DETAILS)
        return ListResponse([listed])

    @post("/api/show", status_code=200)
    async def show(request: AnyRequest) -> ShowResponse:
        asked = decode(await request.body(), ModelRequest)
        require_model(asked.model or asked.name, "model '{}' not found")
        return ShowResponse(RELEASED, DETAILS, model_info(), ["embedding"])

    @post("/api/embed", status_code=200)
    async def embed(request: AnyRequest) -> EmbedResponse:
        started = time.monotonic_ns()
        asked = decode(await request.body(), EmbedRequest)
        texts = texts_of(asked.input)
        require_model(asked.model, 'model "{}" not found, try pulling it first')
        if not texts:
            return EmbedResponse(asked.model, [])
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

    @post("/api/chat", status_code=200)
    async def chat(request: AnyRequest) -> None:
        asked = decode(await request.body(), ModelRequest)
        require_model(asked.model, "model '{}' not found")
        raise Refusal(400, f'"{asked.model}" does not support chat')

    return Litestar(
        [root, version, tags, show, embed, chat],
        exception_handlers={
            Refusal: lambda _, error: error_reply(error.status, error.message),
            CallerLeftError: lambda _, __: error_reply(499, "request canceled"),
            HTTPException: refused_by_router,
            Exception: unexpected,
        },
        request_max_body_size=BODY_LIMIT_BYTES,
        openapi_config=None,
        logging_config=None,  # the process has its own
    )


def require_model(name: str, not_found: str) -> None:
    """Raises Refusal: 400 without a name, 404 for a model that is not there, in the words of the route."""
    if not name:
        raise Refusal(400, "model is required")
    if name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/").removesuffix(":latest") != NAME:
        raise Refusal(404, not_found.format(name))


def model_info() -> dict[str, str | int]:
    """What clients read to learn dimension and context, under the keys that GGUF gives them."""
    return {
        "general.architecture": "bert",
        "general.basename": "all-MiniLM-L6-v2",
        "bert.context_length": CONTEXT_TOKENS,
        "bert.embedding_length": DIMENSIONS,
    }


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


def error_reply(status: int, message: str) -> Response[dict[str, str]]:
    """Ollama's one shape of an error."""
    return Response({"error": message}, status_code=status)


def refused_by_router(_: AnyRequest, error: HTTPException) -> Response[str]:
    """A route or method that is not there: plain text, as from Ollama's router."""
    words = {404: "404 page not found", 405: "405 method not allowed"}
    text = words.get(error.status_code, error.detail)
    return Response(text, status_code=error.status_code, media_type=MediaType.TEXT)


def unexpected(request: AnyRequest, error: Exception) -> Response[dict[str, str]]:
    """A fault of ours: logged with its trace, answered without it."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_reply(500, "internal error")
