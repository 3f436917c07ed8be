"""Is the service well: each part is asked to do something, and a part that cannot says so."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Literal

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse

from core.app import EdgeApp, make_app
from core.cache.disk import DiskCache
from core.errors import Unavailable
from core.flight import Flight
from core.function import Function, Route, Smoke
from core.http.fields import Timestamp
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.knowledge.reach import probe_used
from core.models.writer import Message, Writer
from core.observe import colours, log
from core.outbox.trial import try_out
from core.services import Services, open_services
from core.settings import Settings
from core.version import VERSION

PATH = "/api/health"
CHECK_TIMEOUT_S = 2.5
MARGIN_S = 0.5  # that a check gets beyond the time in which its part gives up by itself, and the answer beyond all
FUNCTION = Function(
    name="health",
    summary="Tell which parts of the service work",
    routes=(Route("GET", PATH),),
    smoke=(Smoke("GET", PATH), Smoke("GET", "/metrics/health")),
    timeout_s=5.0,
)
State = Literal["ok", "degraded", "down", "off"]
_CACHE_KEY = b"health"
_FRESH_S = 10.0
RETRY_AFTER_S = "2"


class Checks(msgspec.Struct, frozen=True):
    """The state of each part; `off` is what is not configured."""

    database: State
    embeddings: State
    llm: State
    cache: State
    outbox: State


class HealthResponse(msgspec.Struct, frozen=True):
    """The state of the service: down without its database, degraded without any other part; colours whatever works."""

    status: Literal["ok", "degraded", "down"]
    service: str
    version: str
    timestamp: Timestamp
    checks: Checks
    levels: colours.Colours


def judge(checks: Checks) -> Literal["ok", "degraded", "down"]:
    """The state of the whole: nothing is answered anew without the database, everything else has a stand-in."""
    if checks.database != "ok":
        return "down"
    others = {checks.embeddings, checks.llm, checks.cache, checks.outbox}
    return "ok" if others <= {"ok", "off"} else "degraded"


class Checkup:
    """Asks every part at once. A part that hangs is down, and is not asked again until it has said something."""

    def __init__(self, patience_s: float = CHECK_TIMEOUT_S) -> None:
        self._patience_s = patience_s
        self._asked: Flight[State] = Flight()

    async def checks(self, services: Services) -> Checks:
        """The state of each part, `patience_s` from now at the latest."""
        found = await asyncio.gather(
            self._state("database", lambda: _works(services.database.ping)),
            self._state("embeddings", lambda: _works(lambda: probe_used(services.database, services.embedder))),
            self._state("llm", lambda: _writes(services.writer)),
            self._state("cache", lambda: _caches_state(services.vectors, services.answers)),
            self._state("outbox", lambda: _works(lambda: try_out(services.settings))),
        )
        return Checks(*found)

    async def _state(self, part: str, ask: Callable[[], Coroutine[Any, Any, State]]) -> State:
        try:
            return await self._asked.do(part, ask, expires_at=asyncio.get_running_loop().time() + self._patience_s)
        except TimeoutError:
            return "down"


async def _writes(writer: Writer | None) -> State:
    if writer is None:
        return "off"
    from core.answer.prompt import RULES  # with all that answers questions: not for a check that is off

    return await _works(lambda: writer.probe([RULES, Message("user", "Say hello.")]))


async def _works(ask: Callable[[], Awaitable[object]]) -> State:
    try:
        await ask()
    except Unavailable:
        return "down"
    return "ok"


def patience_s(settings: Settings) -> float:
    """How long a part may take: what a question may wait for the model, as far as the time of a request goes."""
    return min(max(CHECK_TIMEOUT_S, settings.embed_deadline_s + MARGIN_S), FUNCTION.timeout_s - MARGIN_S)


async def _caches_state(*caches: DiskCache) -> State:
    """The state of the worst."""
    return max([await _cache_state(cache) for cache in caches], key=("ok", "degraded", "down").index)


async def _cache_state(cache: DiskCache) -> State:
    # Asked whatever its state: who asks for a file is what brings one back.
    await cache.put(_CACHE_KEY, str(time.time()).encode())
    written = cache.get(_CACHE_KEY)
    # Another request may have written between the two: any recent time will do.
    if written is not None and abs(time.time() - float(written)) < _FRESH_S:
        return "ok"
    return "degraded" if cache.available else "down"


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    settings = settings or Settings.from_environ(os.environ)
    checkup = Checkup(patience_s(settings))

    @get(PATH, **answers(HealthResponse, down=HealthResponse))
    async def health(request: EdgeRequest) -> ASGIResponse:
        """Tell which parts of the service work."""
        checks = await checkup.checks(request.services)
        status = judge(checks)
        body = HealthResponse(status, "cutting-edge", VERSION, log.timestamp(), checks, colours.read(settings))
        code, headers = (503, {"retry-after": RETRY_AFTER_S}) if status == "down" else (200, {})
        return ASGIResponse(body=msgspec.json.encode(body), status_code=code, headers=headers)

    return make_app(FUNCTION, [health], opens=partial(open_services, settings, "answers", "writer"))
