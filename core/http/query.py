"""The query string against what a route takes: as in a body, nothing is missing, doubled or unknown."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from core.errors import FieldError, InvalidRequest
from core.http.violations import token

if TYPE_CHECKING:
    from core.http.request import EdgeRequest

MAX_PARAMETERS = 64


class _Taken(NamedTuple):
    names: frozenset[str]
    required: frozenset[str]


def names_in(query: bytes) -> list[str]:
    """The names of a query string; raises InvalidRequest for what is not text, holds NUL, or comes twice."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise InvalidRequest("the query string is not percent-encoded UTF-8") from error
    if any("\0" in text for pair in pairs for text in pair):
        raise InvalidRequest("the query string holds NUL (U+0000)")
    names = [name for name, _ in pairs]
    _refuse((name, "is given twice") for name in sorted({*names}) if names.count(name) > 1)
    return names


def check_parameters(request: "EdgeRequest") -> None:
    """Raise InvalidRequest that names each parameter that a route with parameters does not know or needs."""
    query, taken = request.scope["query_string"], _taken(request.route_handler)
    if not taken.names or not (query or taken.required):
        # A route that reads no query cannot misread one: what monitors and links hang on is of no account.
        return
    given = {*names_in(query)}
    unknown = [(name, "is not a parameter of this request") for name in sorted(given - taken.names)]
    _refuse([*((name, "is missing") for name in sorted(taken.required - given)), *unknown])


@lru_cache
def _taken(handler: BaseRouteHandler) -> _Taken:
    found = [
        (field.kwarg_definition.name or name, field.is_required)
        for name, field in handler.parsed_fn_signature.parameters.items()
        if isinstance(field.kwarg_definition, QueryParameter)
    ]
    return _Taken(frozenset(name for name, _ in found), frozenset(name for name, needed in found if needed))


def _refuse(broken: Iterable[tuple[str, str]]) -> None:
    errors = tuple(FieldError(f"/{token(name)}", rule) for name, rule in broken)
    if errors:
        raise InvalidRequest("; ".join(f"{error.pointer[1:]}: {error.detail}" for error in errors), errors=errors)
