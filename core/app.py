"""The Litestar application every function is made of: errors, ids, limits, metrics, documentation."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send

from core.errors import EdgeError
from core.function import Function
from core.http import problems
from core.http.gate import Gate
from core.http.options import options
from core.http.pages import pages
from core.http.request import EdgeRequest
from core.observe.log import LineLog, logging_to
from core.observe.metrics import Metrics
from core.observe.trace import current_trace
from core.services import Services

_log = logging.getLogger(__name__)

Opener = Callable[[], AbstractAsyncContextManager[Services]]


class EdgeApp(Litestar):
    """A Litestar application behind a Gate: Litestar's own middleware does not see requests without a route."""

    gate: Gate
    metrics: Metrics

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        """The ASGI entry."""
        if scope["type"] == ScopeType.HTTP:
            await self.gate.serve(super().__call__, scope, receive, send)  # type: ignore[arg-type]
        else:
            await super().__call__(scope, receive, send)


def make_app(
    function: Function,
    handlers: Sequence[HTTPRouteHandler],
    *,
    opens: Opener | None = None,
    log: LineLog | None = None,
) -> EdgeApp:
    """The application of a function; `opens` makes what its handlers use, `log` is standard output by default."""
    line_log, metrics = log or LineLog(), Metrics(function.name)
    metrics.count("log_lines_lost", "Lines that the log did not take", lambda: line_log.lost)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.enter_context(logging_to(line_log, function.name))
            if opens is not None:
                services = await stack.enter_async_context(opens())
                services.expose(metrics)
                if services.settings.workers_of(function.name, function.workers) > 1:
                    metrics.worker = str(os.getpid())
                app.state.services = services
            yield

    routes = [*handlers, *pages(function, handlers, metrics.render)]
    app = EdgeApp(
        [*options(routes), *routes],
        exception_handlers={
            EdgeError: _on_edge_error,
            HTTPException: _on_http_exception,
            Exception: _on_exception,
        },
        lifespan=[lifespan],
        request_class=EdgeRequest,
        openapi_config=None,
        logging_config=None,
    )
    app.gate, app.metrics = Gate(function, metrics, line_log), metrics
    return app


def _on_edge_error(request: Request[Any, Any, Any], error: EdgeError) -> Response[bytes]:
    if error.status == EdgeError.status:
        return _on_exception(request, error)
    if error.__cause__ is not None and error.status >= EdgeError.status:
        # Without its trace: while a part is down, every request ends here.
        _log.warning("%s: %s", error.kind, error.__cause__)
    return _response(request, error)


def _on_http_exception(request: Request[Any, Any, Any], exc: HTTPException) -> Response[bytes]:
    error = problems.from_http_exception(exc)
    if error.status >= EdgeError.status:
        return _on_exception(request, exc)
    allow = {name: value for name, value in (exc.headers or {}).items() if name.lower() == "allow"}
    return _response(request, error, allow)


def _on_exception(request: Request[Any, Any, Any], exc: Exception) -> Response[bytes]:
    # Litestar logs nothing for a caught exception outside of debug mode.
    _log.error("unhandled error", exc_info=exc)
    return _response(request, EdgeError(problems.INTERNAL_DETAIL))


def _response(
    request: Request[Any, Any, Any], error: EdgeError, headers: dict[str, str] | None = None
) -> Response[bytes]:
    trace = current_trace.get()
    return Response(
        problems.problem_bytes(error, trace.request_id if trace else "", request.scope["path"]),
        status_code=error.status,
        media_type=problems.MEDIA_TYPE,
        headers={**problems.problem_headers(error), **(headers or {})},
    )
