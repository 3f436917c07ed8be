"""HTTP/1.1 over a Unix socket, as functions and the embedded model server speak it."""

import http.client
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any


class UnixConnection(http.client.HTTPConnection):
    """A connection to the socket at `path`; `timeout_s` bounds each of connect, send and receive."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket's path in place of a host and port."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def send(self, data: Any) -> None:
        """Send a part of a request. A server that refuses by the head alone has answered, and reads no more."""
        with suppress(BrokenPipeError):
            super().send(data)


def ask(  # noqa: PLR0913 - the parts of a request
    path: str,
    method: str,
    target: str,
    *,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float,
) -> tuple[int, bytes]:
    """Status and body of one answer. Raises OSError when nobody answers in time, HTTPException when it is no HTTP."""
    connection = UnixConnection(path, timeout_s)
    try:
        connection.request(method, target, body, {"Connection": "close", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
