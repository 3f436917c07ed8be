"""A function of the tests' own, with the faults that a test asks for."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from core.app import EdgeApp, make_app
from core.errors import DatabaseUnavailable, EdgeError
from core.function import Function, Route
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.observe.log import LineLog
from core.observe.trace import current_trace, timed

SECRET = "postgresql://edge:hunter2@db.internal/edge"
FUNCTION = Function(name="echo", summary="Say <it> again", routes=(Route("POST", "/api/echo"),), smoke=(), timeout_s=5)


class Said(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    text: str
    shop_id: int = 1
    metadata: dict[str, Any] | None = None


class Heard(msgspec.Struct, rename="camel"):
    text: str
    request_id: str


@post("/api/echo", **answers(Heard, body=True, body_limit=4096))
async def echo(request: EdgeRequest, data: JSONBody[Said]) -> ASGIResponse:
    request.note_shop(data.shop_id)
    await act(request, data.text)
    trace = current_trace.get()
    return ASGIResponse(body=msgspec.json.encode(Heard(data.text, trace.request_id)))


@get("/api/echo/{item:uuid}", **answers(Heard))
async def show(
    item: FromPath[UUID], category: Annotated[str | None, QueryParameter(max_length=20)] = None
) -> ASGIResponse:
    return ASGIResponse(body=msgspec.json.encode(Heard(f"{item} {category}", current_trace.get().request_id)))


@put("/api/echo/{item:uuid}", **answers(Heard))
async def change(item: FromPath[UUID]) -> ASGIResponse:
    return ASGIResponse(body=msgspec.json.encode(Heard(str(item), current_trace.get().request_id)))


async def act(request, text: str) -> None:
    trace = current_trace.get()
    match text:
        case "a defect":
            raise RuntimeError(SECRET)
        case "a defect of ours":
            raise EdgeError(SECRET)
        case "a timeout of its own":
            raise TimeoutError(SECRET)
        case "the database":
            raise DatabaseUnavailable("the database is away", retry_after_s=7) from OSError(SECRET)
        case "for ever":
            await asyncio.Event().wait()
        case "measured":
            for part in ("embedding", "database", "cache"):
                with timed(part):
                    await asyncio.sleep(0)
            trace.cache, trace.degraded = "local", "embeddings"
        case "meet":
            await request.app.state.meeting.wait()


def echo_app(log: LineLog | None = None, **limits) -> EdgeApp:
    app = make_app(msgspec.structs.replace(FUNCTION, **limits), [echo, show, change], log=log)
    app.state.meeting = asyncio.Event()
    return app


def create_app() -> EdgeApp:
    return echo_app()
