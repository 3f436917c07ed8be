"""Where the answers come from: search and facts of a running stack, composed by the code that answers visitors."""

import http.client
import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from core.answer.compose import asked_in, compose
from core.facts.answers import StatedFacts
from core.facts.evidence import evidence
from core.facts.types import Facts
from core.retrieval.searcher import Result
from ops.evals.chat import Case, EvalError, Given, Judged, judge
from ops.host.smoke import UnixConnection

TIMEOUT_S = 30.0
LEAST_LETTERS = 3
RESULTS = 5
TOO_MANY = 429
Connect = Callable[[str], http.client.HTTPConnection]


class _Found(msgspec.Struct, frozen=True):
    results: tuple[Result, ...]


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
    stated = _facts(connect, shop_id)
    judged: list[Judged] = []
    for case in cases:
        results = _search(connect, shop_id, asked_in(case.question, case.history))
        judged.append(judge(case, answered(case, results, stated)))
    return judged


def answered(case: Case, results: Sequence[Result], stated: StatedFacts | None) -> Given:
    """The answer to a case from what was found for it, with all that it could rest on."""
    now = case.at or datetime.now(UTC)
    answer = compose(case.question, case.history, results, stated, now)
    known = (*(result.content for result in results), *evidence(stated, now))
    return Given(answer.text, answer.kind, bool(answer.sources) or answer.as_of is not None, known)


def _search(connect: Connect, shop_id: int, question: str) -> tuple[Result, ...]:
    if len(question.strip()) < LEAST_LETTERS:
        return ()
    body = {"query": question, "shopId": shop_id, "limit": RESULTS}
    found = _call(connect, "search", "POST", "/api/knowledge/search", body)
    return msgspec.json.decode(found, type=_Found).results


def _facts(connect: Connect, shop_id: int) -> StatedFacts | None:
    found = msgspec.json.decode(_call(connect, "facts", "GET", f"/api/facts?shopId={shop_id}"), type=_Stated)
    return None if found.facts is None or found.as_of is None else StatedFacts(found.facts, found.as_of)


def _call(connect: Connect, name: str, method: str, path: str, body: Any = None) -> bytes:
    payload = None if body is None else json.dumps(body).encode()
    while True:
        connection = connect(name)
        try:
            connection.request(method, path, payload, {"Content-Type": "application/json"} if payload else {})
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
