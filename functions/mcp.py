"""The Model Context Protocol over streamable HTTP: search and facts of a shop as tools.

JSON-RPC 2.0 without sessions: each POST is answered with one JSON object (specification 2025-11-25, basic/transports).
The official SDK would bring a second web framework into each worker (docs/decisions/0021).
"""

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Literal

import msgspec
from litestar import post
from litestar.params import JSONBody
from litestar.response.base import ASGIResponse

from core.app import EdgeApp, make_app
from core.errors import EdgeError, Forbidden
from core.function import Function, Route, Smoke
from core.http.fields import Limit, Question, ShopId
from core.http.json_text import to_struct
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.retrieval.searcher import SearchQuery
from core.services import Services, open_services
from core.settings import Settings
from core.version import VERSION

PATH = "/mcp"
# Those with a handshake; a client of a later kind falls back to it (server/discover is not a method here).
PROTOCOLS = ("2025-11-25", "2025-06-18", "2025-03-26")
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
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
    concurrency=64,
)


class RpcRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request of JSON-RPC 2.0; without `id` a notification."""

    jsonrpc: Literal["2.0"]
    method: str
    id: int | str | None = None
    params: dict[str, Any] | None = None


class RpcError(msgspec.Struct, frozen=True):
    """Why there is no result."""

    code: int
    message: str


class RpcResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A result or an error; `jsonrpc` and `id` as in the request."""

    jsonrpc: str
    id: int | str
    result: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    error: RpcError | msgspec.UnsetType = msgspec.UNSET


class SearchKnowledge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Find the passages of a shop that answer a question, the most probable first."""

    query: Question
    shop_id: ShopId
    limit: Limit = 5


class ShopFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Read what a shop states of itself: opening hours, prices, staff, address, payment; amounts in minor units."""

    shop_id: ShopId


class _RpcFailureError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.error = RpcError(code, message)


@post(PATH, **answers(RpcResponse, body=True, also=(403,), accepted=True))
async def call(request: EdgeRequest, data: JSONBody[RpcRequest]) -> ASGIResponse:
    """Answer one message of a client of the Model Context Protocol."""
    _refuse_other_origins(request)
    if data.id is None:
        return ASGIResponse(status_code=202)
    try:
        result = await _result(request.services, data)
    except _RpcFailureError as failure:
        return _encoded(RpcResponse(jsonrpc="2.0", id=data.id, error=failure.error))
    return _encoded(RpcResponse(jsonrpc="2.0", id=data.id, result=result))


def _refuse_other_origins(request: EdgeRequest) -> None:
    """A page of another origin must not reach a local server by rebinding its name (basic/transports, security)."""
    origin = request.headers.get("origin")
    if origin is not None and origin not in request.services.settings.cors_origins:
        raise Forbidden("pages of this origin may not call; EDGE_CORS_ORIGINS names those that may")


async def _result(services: Services, data: RpcRequest) -> dict[str, Any]:
    params = data.params or {}
    match data.method:
        case "initialize":
            return _initialized(params)
        case "ping":
            return {}
        case "tools/list":
            return {"tools": [_described(name, kind) for name, (kind, _) in _TOOLS.items()]}
        case "tools/call":
            return await _called(services, params)
    raise _RpcFailureError(METHOD_NOT_FOUND, f"there is no method {data.method[:100]}")


def _initialized(params: dict[str, Any]) -> dict[str, Any]:
    wanted = params.get("protocolVersion")
    return {
        "protocolVersion": wanted if wanted in PROTOCOLS else PROTOCOLS[0],
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {"name": "cutting-edge", "version": VERSION},
    }


def _described(name: str, kind: type[msgspec.Struct]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([kind])
    annotations = {"readOnlyHint": True, "openWorldHint": False}
    schema = components[kind.__name__]
    return {"name": name, "description": kind.__doc__, "inputSchema": schema, "annotations": annotations}


async def _called(services: Services, params: dict[str, Any]) -> dict[str, Any]:
    name = params.get("name")
    if not isinstance(name, str) or name not in _TOOLS:
        raise _RpcFailureError(INVALID_PARAMS, f"there is no tool {str(name)[:100]}")
    kind, run = _TOOLS[name]
    try:
        found = await run(services, to_struct(params.get("arguments") or {}, kind))
    except EdgeError as error:
        # Told to the model, which may ask otherwise or later.
        return {"content": [{"type": "text", "text": error.detail}], "isError": True}
    text = msgspec.json.encode(found).decode()
    return {"content": [{"type": "text", "text": text}], "structuredContent": found, "isError": False}


async def _search(services: Services, arguments: SearchKnowledge) -> dict[str, Any]:
    query = SearchQuery(arguments.query.strip(), arguments.shop_id, arguments.limit)
    found = await services.searcher.search(query)
    degraded = {} if found.degraded is None else {"degraded": found.degraded}
    return {"results": msgspec.to_builtins(found.results), "count": found.count, **degraded}


async def _facts(services: Services, arguments: ShopFacts) -> dict[str, Any]:
    stated = await services.facts.stated(arguments.shop_id)
    if stated is None:
        return {"facts": None, "asOf": None}
    return {"facts": msgspec.to_builtins(stated.facts), "asOf": stated.as_of.isoformat()}


def _encoded(response: RpcResponse) -> ASGIResponse:
    return ASGIResponse(body=msgspec.json.encode(response))


_TOOLS: dict[str, tuple[type[msgspec.Struct], Callable[[Services, Any], Awaitable[dict[str, Any]]]]] = {
    "search_knowledge": (SearchKnowledge, _search),
    "shop_facts": (ShopFacts, _facts),
}


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    settings = settings or Settings.from_environ(os.environ)
    return make_app(FUNCTION, [call], opens=partial(open_services, settings, "searcher", "facts"))
