"""Smoke requests: what a new worker must answer, over its own socket, before visitors reach it."""

import http.client
import json

from ops.host.manifest import Smoke
from ops.host.spec import StepFailedError
from ops.unixhttp import UnixConnection

ANSWER_LIMIT = 600
UNAVAILABLE = 503
STREAM = "text/event-stream"


def check(name: str, smoke: Smoke, socket_path: str, timeout_s: float, *, proven: bool = False) -> None:
    """Make one smoke request; raises StepFailedError when it is not answered as declared.

    A stream is judged by how it begins. `timeout_s` bounds each silence. A release that is `proven` may answer 503: it
    served before, and comes back while a part that it needs is away.
    """
    line = f"{smoke.method} {smoke.path}"
    try:
        status, body = _request(smoke, socket_path, timeout_s)
    except (OSError, http.client.HTTPException) as error:
        raise StepFailedError(name, "smoke", f"{line}: {error!r}") from error
    if status != smoke.status and not (proven and status == UNAVAILABLE):
        reason = f"{line}: expected {smoke.status}, got {status}: {body[:ANSWER_LIMIT]}"
        raise StepFailedError(name, "smoke", reason)


def _request(smoke: Smoke, socket_path: str, timeout_s: float) -> tuple[int, str]:
    body = None if smoke.body is None else json.dumps(smoke.body)
    headers = {"Accept": "application/json", "X-Request-ID": "smoke-request", "X-Edge-Rehearsal": "1"}
    headers["Connection"] = "close"
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection = UnixConnection(socket_path, timeout_s)
    try:
        connection.request(smoke.method, smoke.path, body, headers)
        answer = connection.getresponse()
        with answer:
            is_endless = (answer.getheader("Content-Type") or "").startswith(STREAM)
            return answer.status, "" if is_endless else answer.read().decode(errors="replace")
    finally:
        connection.close()
