"""Smoke requests: what a new worker must answer, over its own socket, before visitors reach it."""

import http.client
import json
from typing import Any

from ops.host.spec import StepFailedError
from ops.unixhttp import ask

ANSWER_LIMIT = 600
UNAVAILABLE = 503


def check(manifest: dict[str, Any], socket_path: str, timeout_s: float, *, proven: bool = False) -> None:
    """Make the manifest's smoke requests; raises StepFailedError at the first that is not answered as declared.

    A release that is `proven` may answer 503: it served before, and comes back while a part that it needs is away.
    """
    for smoke in manifest["smoke"]:
        line = f"{smoke['method']} {smoke['path']}"
        try:
            status, body = _request(smoke, socket_path, timeout_s)
        except (OSError, http.client.HTTPException) as error:
            raise StepFailedError(manifest["name"], "smoke", f"{line}: {error!r}") from error
        if status != smoke["status"] and not (proven and status == UNAVAILABLE):
            reason = f"{line}: expected {smoke['status']}, got {status}: {body[:ANSWER_LIMIT]}"
            raise StepFailedError(manifest["name"], "smoke", reason)


def _request(smoke: dict[str, Any], socket_path: str, timeout_s: float) -> tuple[int, str]:
    body = None if smoke["body"] is None else json.dumps(smoke["body"])
    headers = {"Accept": "application/json", "X-Request-ID": "smoke-request", "X-Edge-Rehearsal": "1"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    status, answer = ask(socket_path, smoke["method"], smoke["path"], body=body, headers=headers, timeout_s=timeout_s)
    return status, answer.decode(errors="replace")
