"""A function's OpenAPI document: Litestar describes paths and parameters, msgspec describes the Structs.

The document is OpenAPI 3.0.3, since the Swagger page that ships as a package (4.15) reads no 3.1.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from core.function import Function
from core.http.events import MEDIA_TYPE as EVENTS
from core.http.problems import MEDIA_TYPE, Problem
from core.http.request import EdgeRequest
from core.version import VERSION

# What `core.http.json_text` takes.
_JSON_VALUE = {
    "description": "Any JSON whose numbers are within 64 bits",
    "anyOf": [
        {"type": "string"},
        {"type": "boolean"},
        {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
        {"type": "number", "minimum": -(2.0**63), "exclusiveMaximum": 2.0**63},
        {"type": "array", "items": {"$ref": "#/components/schemas/JsonValue"}},
        {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/JsonValue"}},
        {"type": "null"},
    ],
}
_KEY = SecurityScheme(type="http", scheme="bearer", description="A key from `edge keys create`")


def document(function: Function, handlers: Sequence[HTTPRouteHandler]) -> bytes:
    """The encoded OpenAPI document of these handlers."""
    config = OpenAPIConfig(
        title=f"Cutting Edge: {function.name}",
        version=VERSION,
        description=function.summary,
        components=Components(security_schemes={"key": _KEY}),
        use_handler_docstrings=True,
    )
    described = Litestar(handlers, openapi_config=config, logging_config=None, request_class=EdgeRequest)
    schema = described.openapi_schema.to_schema()
    schema["components"]["schemas"] = _components(handlers)
    schema["openapi"] = "3.0.3"
    for route in function.routes:
        # A route that answers with events alone says so itself (core.http.routes.streams).
        if route.stream and (item := schema["paths"].get(route.path)):
            content = item[route.method.lower()]["responses"]["200"]["content"]
            content.setdefault(EVENTS, {"schema": {"type": "string", "description": "Server-sent events"}})
    for item in schema["paths"].values():
        for operation in item.values():
            _complete(operation)
    return msgspec.json.encode(to_3_0(schema))


def _components(handlers: Sequence[HTTPRouteHandler]) -> dict[str, Any]:
    # msgspec emits `additionalProperties: false` for forbid_unknown_fields, which Litestar's generator does not.
    kinds: dict[Any, None] = {Problem: None}
    for handler in handlers:
        kinds |= {spec.data_container: None for spec in (handler.responses or {}).values()}
    bodies = [handler.parsed_data_field.annotation for handler in handlers if handler.parsed_data_field is not None]
    components = _schemas([*kinds, *bodies])
    for name, schema in _schemas(bodies).items():
        if schema.get("type") == "object":
            # Where other fields are passed over, they are JSON that is taken nevertheless.
            components[name].setdefault("additionalProperties", {"$ref": "#/components/schemas/JsonValue"})
    components["JsonValue"] = _JSON_VALUE
    return components


def _schemas(kinds: Sequence[Any]) -> dict[str, dict[str, Any]]:
    _, components = msgspec.json.schema_components(list(kinds), ref_template="#/components/schemas/{name}")
    return components


def _complete(operation: dict[str, Any]) -> None:
    operation.setdefault("security", [])
    # The handler's sentence, in the place of what Litestar makes of its name.
    sentence, _, more = operation.pop("description", operation["summary"]).partition("\n")
    operation["summary"] = sentence.rstrip(".")
    if more.strip():
        operation["description"] = more.strip()
    for parameter in operation.get("parameters", []):
        parameter["schema"] = _never_null(parameter["schema"])
    for response in operation["responses"].values():
        response["headers"] = {
            "X-Request-Id": {"schema": {"type": "string"}, "description": "The id of this request in the logs"}
        }
    if "409" in operation["responses"]:
        operation["responses"]["200"]["headers"]["Idempotent-Replayed"] = {
            "schema": {"type": "string", "enum": ["true"]},
            "description": "Sent when this is the answer to the same request that came before with its Idempotency-Key",
        }
    # The gate may refuse where the handler has a 503 of its own.
    operation["responses"]["503"]["content"].setdefault(
        MEDIA_TYPE, operation["responses"]["429"]["content"][MEDIA_TYPE]
    )
    for status in ("429", "503"):
        operation["responses"][status]["headers"]["Retry-After"] = {
            "schema": {"type": "integer"},
            "description": "Seconds after which to try again",
        }


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    # An optional parameter is left out; a query string cannot say null.
    choices = [choice for choice in schema.pop("oneOf", []) if choice != {"type": "null"}]
    return {**(choices[0] if len(choices) == 1 else {"oneOf": choices} if choices else {}), **schema}


def to_3_0(node: Any) -> Any:
    """The same schema in the words of OpenAPI 3.0: `nullable`, boolean exclusive bounds, no `const`."""
    if isinstance(node, list):
        return [to_3_0(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: to_3_0(value) for key, value in node.items()}
    if isinstance(choices := plain.get("anyOf"), list) and {"type": "null"} in choices:
        others = [choice for choice in choices if choice != {"type": "null"}]
        merged = others[0] if len(others) == 1 and "$ref" not in others[0] else {"anyOf": others}
        del plain["anyOf"]
        plain = {**merged, **plain, "nullable": True}
    for bound, plain_bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if bound in plain and not isinstance(plain[bound], bool):
            plain[plain_bound], plain[bound] = plain[bound], True
    if "pattern" in plain and "maxLength" in plain:
        # Tools that make examples look for minutes for a text that keeps both; the description names the bound.
        plain["x-maxLength"] = plain.pop("maxLength")
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]
    return plain
