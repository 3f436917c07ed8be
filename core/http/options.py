"""OPTIONS of each path: where a path has several handlers, Litestar's own answer names the first one's method only."""

from collections import defaultdict
from collections.abc import Sequence

from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse


def options(handlers: Sequence[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """A handler of OPTIONS for each path; to be registered before the others, else Litestar adds its own."""
    methods: defaultdict[str, set[str]] = defaultdict(set)
    for handler in handlers:
        for path in handler.paths:
            methods[path] |= {*handler.http_methods, "OPTIONS"}
    return [_handler(path, allowed) for path, allowed in methods.items()]


def _handler(path: str, allowed: set[str]) -> HTTPRouteHandler:
    allow = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))

    async def show_methods() -> ASGIResponse:
        return ASGIResponse(status_code=204, headers={"allow": allow})

    return HTTPRouteHandler(path, http_method=["OPTIONS"], include_in_schema=False)(show_methods)
