"""Plain requests of the test itself, beside those of its users: to look before it begins, to seed, to tidy up."""

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

TIMEOUT_S = 30.0


class Unusable(Exception):  # noqa: N818 - what the run is
    """The load cannot begin; the sentence says why and what to do."""


class Api:
    """One instance, with a key or without. Every method raises Unusable with a sentence for the operator."""

    def __init__(self, host: str, key: str | None) -> None:
        self._host = host
        self._key = key

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and the JSON of an answer; {} where it is none."""
        headers = {
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {self._key}"} if self._key else {}),
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._host}{path}", data, headers, method=method)  # noqa: S310 - http(s)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310 - http(s)
                return reply.status, _json(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, _told(error)
        except (OSError, ValueError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise Unusable(
                f"no Cutting Edge answers at {self._host} ({reason}): start it, or name it by --host"
            ) from error

    def demand(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer that must be 200."""
        status, answer = self.ask(method, path, body)
        if status != 200:  # noqa: PLR2004 - HTTP
            detail = answer.get("detail", "") if isinstance(answer, dict) else ""
            raise Unusable(f"{method} {path} of {self._host} is answered {status}: {detail}")
        return answer


def _told(error: urllib.error.HTTPError) -> Any:
    try:
        return _json(error.read())
    except (OSError, HTTPException):
        return {}


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return {}
