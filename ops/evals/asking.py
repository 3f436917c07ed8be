"""Where the answers come from: the chat function of a running stack, asked as visitors ask it."""

import http.client
import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from core.facts.answers import StatedFacts
from core.facts.evidence import evidence
from core.facts.types import Facts
from ops.evals.cases import Case, EvalError
from ops.evals.chat import Given, Judged, judge
from ops.unixhttp import UnixConnection

TIMEOUT_S = 90.0
TOO_MANY = 429
Connect = Callable[[str], http.client.HTTPConnection]


class _Source(msgspec.Struct, frozen=True):
    content: str


class Reply(msgspec.Struct, frozen=True):
    """What the chat function answers, as far as it is judged."""

    response: str
    answered: bool
    sources: tuple[_Source, ...] = ()


class _Stated(msgspec.Struct, frozen=True, rename="camel"):
    facts: Facts | None
    as_of: datetime | None


def over_sockets(run: Path) -> Connect:
    """Connections to the functions' own sockets in the run folder of an instance, past nginx and its limits."""
    return lambda name: UnixConnection(str(run / f"{name}.sock"), TIMEOUT_S)


def over_http(url: str) -> Connect:
    """Connections to a base URL; raises EvalError for what is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        raise EvalError(f"{url} is no http or https address")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    host, port = parts.hostname, parts.port
    return lambda _: kind(host, port, timeout=TIMEOUT_S)


def ask_all(connect: Connect, shop_id: int, cases: Iterable[Case]) -> list[Judged]:
    """Ask every question and judge its answer; raises EvalError when a function does not answer."""
    stated: dict[int, StatedFacts | None] = {}
    judged: list[Judged] = []
    for case in cases:
        shop = case.shop or shop_id
        if shop not in stated:
            stated[shop] = _facts(connect, shop)
        judged.append(judge(case, given(case, _ask(connect, shop, case), stated[shop])))
    return judged


def request_of(case: Case, shop_id: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and headers that ask a case."""
    history = [{"role": turn.role, "content": turn.content} for turn in case.history]
    body = {"message": case.question, "shopId": shop_id, "conversationHistory": history}
    rehearsal = {"X-Edge-Rehearsal": "1"}
    return body, rehearsal if case.at is None else {**rehearsal, "X-Edge-Now": case.at.isoformat()}


def given(case: Case, reply: Reply, stated: StatedFacts | None) -> Given:
    """The answer to a case, with all that it could rest on: what it cites, and the facts of the shop."""
    known = (*(one.content for one in reply.sources), *evidence(stated, case.at or datetime.now(UTC)))
    return Given(reply.response, reply.answered, bool(reply.sources), known)


def _ask(connect: Connect, shop_id: int, case: Case) -> Reply:
    body, headers = request_of(case, shop_id)
    return msgspec.json.decode(_call(connect, "chat", "/api/chat", body, headers), type=Reply)


def _facts(connect: Connect, shop_id: int) -> StatedFacts | None:
    found = msgspec.json.decode(_call(connect, "facts", f"/api/facts?shopId={shop_id}"), type=_Stated)
    return None if found.facts is None or found.as_of is None else StatedFacts(found.facts, found.as_of)


def _call(connect: Connect, name: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> bytes:
    payload = None if body is None else json.dumps(body).encode()
    named = {**(headers or {}), **({"Content-Type": "application/json"} if payload else {})}
    while True:
        connection = connect(name)
        try:
            connection.request("POST" if payload else "GET", path, payload, named)
            response = connection.getresponse()
            answer, status = response.read(), response.status
        except (OSError, http.client.HTTPException) as error:
            raise EvalError(f"{name} does not answer: {error}") from error
        finally:
            connection.close()
        if status == http.client.OK:
            return answer
        if status != TOO_MANY:
            raise EvalError(f"{name} answered {status}: {answer[:200].decode(errors='replace')}")
        # The rate of visitors holds for this one too.
        time.sleep(float(response.headers.get("retry-after", "1")))
