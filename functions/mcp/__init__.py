"""The Model Context Protocol over streamable HTTP: search and facts of a shop as tools.

JSON-RPC 2.0 without sessions: each POST is answered with one JSON object (specification 2025-11-25, basic/transports).
The official SDK would bring a second web framework into each worker (docs/decisions/0021).
"""

import os
from functools import partial

from core.app import EdgeApp, make_app
from core.function import WITH_MODEL, Function, Route, Smoke
from core.services import open_services
from core.settings import Settings
from functions.mcp.calling import PATH, call

_LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
_SEARCH = {"name": "search_knowledge", "arguments": {"query": "what are your opening hours?", "shopId": 1}}
FUNCTION = Function(
    name="mcp",
    summary="Search and facts of a shop as tools of the Model Context Protocol",
    routes=(Route("POST", PATH),),
    smoke=(
        Smoke("POST", PATH, _LIST_TOOLS),
        Smoke("POST", PATH, {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": _SEARCH}),
    ),
    concurrency=WITH_MODEL,
)


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    settings = settings or Settings.from_environ(os.environ)
    return make_app(FUNCTION, [call], opens=partial(open_services, settings, "searcher", "facts"))
