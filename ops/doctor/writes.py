"""Can anyone write?"""

from collections.abc import Iterator
from http.client import HTTPException

from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, unknown

KNOWLEDGE = "/api/knowledge/"
OPEN = {("POST", "/api/knowledge/search")}  # it reads, and is everybody's
NOBODY = "00000000-0000-0000-0000-000000000000"
JSON = {"Content-Type": "application/json"}
UNAUTHORIZED = 401


def examine(box: Box) -> Iterator[Finding]:
    """Call every route of knowledge without a key, with a body that would do nothing even if it were let in."""
    routes = [
        (route["method"], route["path"])
        for manifest in box.manifests
        for route in manifest["routes"]
        if route["path"].startswith(KNOWLEDGE)
    ]
    asked = [route for route in routes if route not in OPEN]
    if not asked:
        yield unknown("no function that writes is served")
    is_sound = bool(asked)
    for method, path in asked:
        try:
            status = box.ask(method, _address(path), headers=JSON, body=None if method == "GET" else "{}").status
        except (OSError, HTTPException) as error:
            yield unknown(f"{method} {path} does not answer: {error!r}")
            return
        if status != UNAUTHORIZED:
            is_sound = False
            detail = f"{method} {path} without a key is answered {status}, not {UNAUTHORIZED}"
            yield unknown(detail) if status in {429, 503} else fault(detail, "take the function away: `edge remove`")
    if is_sound:
        yield ok(f"{len(asked)} routes that read or write what shops know ask for a key")


def _address(path: str) -> str:
    return f"{path.replace('{id}', NOBODY)}?shopId=1"
