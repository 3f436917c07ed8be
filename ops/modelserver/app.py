"""The ASGI application of the embedded model server: its routes over an engine, and its errors."""

import logging

from litestar import Litestar, MediaType, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from ops.modelserver.engine import Engine
from ops.modelserver.protocol import Refusal
from ops.modelserver.routes import AnyRequest, CallerLeftError, chat, embed, root, show, tags, version

logger = logging.getLogger(__name__)

BODY_LIMIT_BYTES = 32 * 2**20
ROUTER_WORDS = {404: "404 page not found", 405: "405 method not allowed"}


def create_app(engine: Engine) -> Litestar:
    """The application over a running engine, which the caller closes."""
    return Litestar(
        [root, version, tags, show, chat, embed],
        state=State({"engine": engine}),
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


def error_reply(status: int, message: str) -> Response[dict[str, str]]:
    """Ollama's one shape of an error."""
    return Response({"error": message}, status_code=status)


def refused_by_router(_: AnyRequest, error: HTTPException) -> Response[str]:
    """A route or method that is not there, or a body over the limit: plain text, as from Ollama's router."""
    text = ROUTER_WORDS.get(error.status_code, error.detail)
    return Response(text, status_code=error.status_code, media_type=MediaType.TEXT)


def unexpected(request: AnyRequest, error: Exception) -> Response[dict[str, str]]:
    """A fault of ours: logged with its trace, answered without it."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_reply(500, "internal error")
