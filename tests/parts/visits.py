"""A visitor at an application without a socket in between, whose answer is seen as it grows, and who may leave."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.app import EdgeApp
from tests.parts.faulty_models import until


class Visit:
    """One POST under way: `events` are the server-sent events so far as (name, id, data), `body` the raw bytes."""

    def __init__(self, app: EdgeApp, path: str, body: dict, headers: dict[str, str]) -> None:
        self.body = b""
        self.status: int | None = None
        self._left = asyncio.Event()
        self._given = False
        self._payload = json.dumps(body).encode()
        named = {"content-type": "application/json", "host": "edge", **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "client": ("127.0.0.1", 1),
            "server": ("edge", 80),
            "state": {},
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self):
        if not self._given:
            self._given = True
            return {"type": "http.request", "body": self._payload, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.body += message.get("body", b"")

    @property
    def events(self) -> list[tuple[str, str | None, dict]]:
        return parsed(self.body)

    def named(self, name: str) -> list[dict]:
        return [data for kind, _, data in self.events if kind == name]

    async def saw(self, name: str) -> None:
        """Wait until there is such an event."""
        await until(lambda: self.task.done() or self.named(name))
        assert self.named(name), self.body

    async def leave(self) -> None:
        """Go, and wait until the application has noticed."""
        self._left.set()
        await self.task


def parsed(body: bytes) -> list[tuple[str, str | None, dict]]:
    """The complete events of a stream."""
    found = []
    for block in body.decode().split("\n\n")[:-1]:
        fields = dict(part.split(": ", 1) for part in block.splitlines() if not part.startswith(":"))
        if "data" in fields:
            found.append((fields.get("event", "message"), fields.get("id"), json.loads(fields["data"])))
    return found


@asynccontextmanager
async def visiting(app: EdgeApp, path: str, body: dict, **headers: str) -> AsyncIterator[Visit]:
    """A visit that is over at the end of the block."""
    visit = Visit(app, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        yield visit
    finally:
        await visit.leave()
