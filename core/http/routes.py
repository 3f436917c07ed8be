"""How a handler declares what it answers, so that its documentation and its guards come from one place."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypedDict

from litestar.openapi.datastructures import ResponseSpec

from core.errors import EdgeError, NotAcceptable
from core.function import MIB
from core.http.problems import MEDIA_TYPE, Problem
from core.http.query import check_parameters
from core.http.request import EdgeRequest, accepts_events, accepts_json

Access = Literal["open", "once", "read", "write", "party"]
_ALWAYS = (400, 404, 405, 406, 429, 503)
_WITH_BODY = (413, 415)
_WITH_KEY: dict[Access, tuple[int, ...]] = {
    "open": (),
    "once": (409,),
    "read": (401, 403),
    "write": (401, 403, 409),
    "party": (401, 403),
}


class RouteOptions(TypedDict):
    """Keyword arguments of Litestar's `get`, `post`, `put` and `delete`."""

    status_code: int
    responses: dict[int, ResponseSpec]
    before_request: Callable[[Any], Awaitable[None]]
    security: list[dict[str, list[str]]]
    request_max_body_size: int


def answers(  # noqa: PLR0913 - the options of a route
    result: type,
    access: Access = "open",
    *,
    body: bool = False,
    body_limit: int = MIB,
    down: type | None = None,
    also: tuple[int, ...] = (),
    events: bool = False,
    accepted: bool = False,
) -> RouteOptions:
    """Options of a route that answers 200 with `result` as JSON.

    "read" and "write" need a key of the shop, "write" takes an `Idempotency-Key`, "once" takes one and needs no key of
    the shop; of a "party" the handler finds out itself who calls, and what has a body takes one. `body` says that the
    handler reads one; `down` is what a 503 of the handler's own holds; `also` are statuses of its own, each a problem;
    with `events` it answers as server-sent events where `Accept` asks for them; `accepted`: 202 to what wants none.
    """
    responses = _problems(
        _ALWAYS + _WITH_BODY * body + _WITH_KEY[access] + (409,) * (access == "party" and body) + also
    )
    responses[200] = _json(result, "The answer")
    if accepted:
        responses[202] = ResponseSpec(None, generate_examples=False, description="Taken, and not answered")
    if down is not None:
        responses[503] = _json(down, "A part is down without which there is no answer")
    return {
        "status_code": 200,
        "responses": dict(sorted(responses.items())),
        # Not guards: for each guard Litestar copies the handler, 50 µs a request.
        "before_request": _strict(_GUARDS[access in {"read", "write"}, events]),
        "security": [] if access in {"open", "once"} else [{"key": []}],
        "request_max_body_size": body_limit,
    }


def streams(event: type, access: Access) -> RouteOptions:
    """Options of a route that answers 200 with server-sent events, each described by `event`; 204 after the last."""
    options = answers(event, access)
    options["responses"][204] = ResponseSpec(None, generate_examples=False, description="There is nothing to come")
    options["responses"][200] = ResponseSpec(
        event, generate_examples=False, description="The events", media_type="text/event-stream"
    )
    options["before_request"] = _strict(_accepts_events)
    return options


async def _accepts_events(request: EdgeRequest) -> None:
    accept = ",".join(request.headers.getall("accept", ["*/*"])).lower()
    if not any(name in accept for name in ("text/event-stream", "text/*", "*/*")):
        raise NotAcceptable("this route answers in text/event-stream only")


def _strict(guard: Callable[[EdgeRequest], Awaitable[None]]) -> Callable[[EdgeRequest], Awaitable[None]]:
    """The guard, and after it the names of the parameters: a stranger is told no more than that he is one."""

    async def guarded(request: EdgeRequest) -> None:
        await guard(request)
        check_parameters(request)

    return guarded


async def _accepted_with_key(request: EdgeRequest) -> None:
    await accepts_json(request)
    await request.identify()


async def _events_with_key(request: EdgeRequest) -> None:
    await accepts_events(request)
    await request.identify()


_GUARDS: dict[tuple[bool, bool], Callable[[EdgeRequest], Awaitable[None]]] = {
    (False, False): accepts_json,
    (True, False): _accepted_with_key,
    (False, True): accepts_events,
    (True, True): _events_with_key,
}


def _json(kind: type, description: str) -> ResponseSpec:
    return ResponseSpec(kind, generate_examples=False, description=description)


def _problems(statuses: tuple[int, ...]) -> dict[int, ResponseSpec]:
    titles: dict[int, str] = {kind.status: kind.title for kind in _tree(EdgeError)}
    return {
        status: ResponseSpec(Problem, generate_examples=False, description=titles[status], media_type=MEDIA_TYPE)
        for status in statuses
    }


def _tree(kind: type[EdgeError]) -> list[type[EdgeError]]:
    # Parents last, so that a status shared by several kinds is titled by the general one.
    return [below for child in kind.__subclasses__() for below in _tree(child)] + [kind]
