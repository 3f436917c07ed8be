"""The tools: what each takes, as a model is told of it, and what it finds."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from core.errors import EdgeError
from core.http.fields import Limit, Question, ShopId
from core.http.json_text import to_struct
from core.retrieval.searcher import SearchQuery
from core.services import Services
from functions.mcp.structs import RpcFailureError

INVALID_PARAMS = -32602


class SearchKnowledge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Find the passages of a shop that answer a question, the most probable first."""

    query: Question
    shop_id: ShopId
    limit: Limit = 5


class ShopFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Read what a shop states of itself: opening hours, prices, staff, address, payment; amounts in minor units."""

    shop_id: ShopId


def described_tools() -> list[dict[str, Any]]:
    """The tools as a client is told of them."""
    return [_described(name, kind) for name, (kind, _) in _TOOLS.items()]


def _described(name: str, kind: type[msgspec.Struct]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([kind])
    annotations = {"readOnlyHint": True, "openWorldHint": False}
    schema = components[kind.__name__]
    return {"name": name, "description": kind.__doc__, "inputSchema": schema, "annotations": annotations}


async def called(services: Services, params: dict[str, Any]) -> dict[str, Any]:
    """What a tool found; what it could not do is told to the model, not raised. Raises RpcFailureError."""
    name = params.get("name")
    if not isinstance(name, str) or name not in _TOOLS:
        raise RpcFailureError(INVALID_PARAMS, f"there is no tool {str(name)[:100]}")
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


_TOOLS: dict[str, tuple[type[msgspec.Struct], Callable[[Services, Any], Awaitable[dict[str, Any]]]]] = {
    "search_knowledge": (SearchKnowledge, _search),
    "shop_facts": (ShopFacts, _facts),
}
