"""How a handler declares what it answers, so that its documentation and its guards come from one place."""

from collections.abc import Awaitable, Callable
from typing import TypedDict

from litestar.openapi.datastructures import ResponseSpec

from core.auth import needs_key
from core.errors import EdgeError
from core.function import MIB
from core.http.problems import MEDIA_TYPE, Problem
from core.http.request import EdgeRequest, accepts_json

_ALWAYS = (400, 404, 405, 406, 429, 503)
_WITH_BODY = (413, 415)
_WITH_KEY = (401, 403)
_IDEMPOTENT = (409,)


class RouteOptions(TypedDict):
    """Keyword arguments of Litestar's `get`, `post`, `put` and `delete`."""

    status_code: int
    responses: dict[int, ResponseSpec]
    before_request: Callable[[EdgeRequest], Awaitable[None]]
    security: list[dict[str, list[str]]]
    request_max_body_size: int


def answers(
    result: type, *, body: bool = False, key: bool = False, idempotent: bool = False, body_limit: int = MIB
) -> RouteOptions:
    """Options of a route that answers 200 with `result` as JSON; `key`: only with a key of the shop."""
    statuses = _ALWAYS + _WITH_BODY * body + _WITH_KEY * key + _IDEMPOTENT * idempotent
    return {
        "status_code": 200,
        "responses": {
            200: ResponseSpec(result, generate_examples=False, description="The answer"),
            **_problems(statuses),
        },
        # Not guards: for each guard Litestar copies the handler, 50 µs a request.
        "before_request": _accepted_with_key if key else accepts_json,
        "security": [{"key": []}] if key else [],
        "request_max_body_size": body_limit,
    }


async def _accepted_with_key(request: EdgeRequest) -> None:
    await accepts_json(request)
    await needs_key(request)


def _answer(result: type) -> ResponseSpec:
    return ResponseSpec(result, generate_examples=False, description="The answer")


def _problems(statuses: tuple[int, ...]) -> dict[int, ResponseSpec]:
    titles: dict[int, str] = {kind.status: kind.title for kind in _tree(EdgeError)}
    return {
        status: ResponseSpec(Problem, generate_examples=False, description=titles[status], media_type=MEDIA_TYPE)
        for status in sorted(statuses)
    }


def _tree(kind: type[EdgeError]) -> list[type[EdgeError]]:
    # Parents last, so that a status shared by several kinds is titled by the general one.
    return [below for child in kind.__subclasses__() for below in _tree(child)] + [kind]
