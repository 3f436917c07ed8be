"""A throw-away Litestar app, run once before the first fork: Litestar imports much of itself at its first request."""

import asyncio
from typing import Any

import msgspec
from litestar import Litestar, post
from litestar.params import JSONBody

BODY = b'{"text":"x"}'
SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())],
    "client": ("127.0.0.1", 0),
    "server": ("127.0.0.1", 0),
}


class Line(msgspec.Struct):
    text: str


@post("/")
async def echo(data: JSONBody[Line]) -> Line:
    return data


def run() -> None:
    """Answer one request in this process; raises RuntimeError when the answer is an error."""
    asyncio.run(_one_request())


async def _one_request() -> None:
    app = Litestar([echo], openapi_config=None, logging_config=None)
    answers: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message)

    async with app.lifespan():
        await app({**SCOPE, "state": {}, "extensions": {}}, receive, send)  # type: ignore[arg-type]
    if answers[0]["status"] != 201:  # noqa: PLR2004 - what POST answers
        raise RuntimeError(f"the rehearsal failed: {answers}")
