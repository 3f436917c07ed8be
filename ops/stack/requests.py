"""What the supervisor is asked, on a socket (0600) of its own: looked at between its other work, never waited for."""

import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

SOCKET_NAME = "supervisor.sock"
LINE_BYTES = 65536
PATIENCE_S = 5.0  # for a request to come whole


class Asked:
    """One request, and who waits for its answer."""

    def __init__(self, request: dict[str, Any], connection: socket.socket) -> None:
        self.request = request
        self._connection = connection

    def tell(self, message: dict[str, Any]) -> None:
        """A line of progress; one who left, or does not read, does not matter."""
        with suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def answer(self, message: dict[str, Any]) -> None:
        """The last line."""
        self.tell({"done": True, **message})
        self._connection.close()


class _Caller:
    """A connection whose request has not come whole."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.came_at = time.monotonic()
        self._line = b""

    def read(self) -> dict[str, Any] | None:
        """The request once it is there; raises OSError and ValueError when it will be none."""
        with suppress(BlockingIOError):
            while not self._line.endswith(b"\n"):
                chunk = self.connection.recv(4096)
                if not chunk or len(self._line) > LINE_BYTES:
                    raise ConnectionError("no request came")
                self._line += chunk
        if not self._line.endswith(b"\n"):
            if time.monotonic() - self.came_at > PATIENCE_S:
                raise TimeoutError("no whole request came")
            return None
        request = json.loads(self._line)
        return request if isinstance(request, dict) else {}


class Requests:
    """Listens in the run folder; speaks as the host does (ops/host/control.py)."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / SOCKET_NAME
        self._path.unlink(missing_ok=True)
        self._callers: list[_Caller] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._path.chmod(0o600)
        self._listener.listen()
        self._listener.setblocking(False)

    def arrived(self) -> Iterator[Asked]:
        """Requests that have come whole."""
        with suppress(OSError):
            while True:
                self._callers.append(_Caller(self._listener.accept()[0]))
        callers, self._callers = self._callers, []
        for caller in callers:
            try:
                request = caller.read()
            except (OSError, ValueError):
                caller.connection.close()
                continue
            if request is None:
                self._callers.append(caller)
            else:
                yield Asked(request, caller.connection)

    def wait(self, timeout_s: float, waking: int) -> None:
        """Return when somebody asks or `waking` can be read, at the latest after `timeout_s`."""
        read: list[int | socket.socket] = [waking, self._listener, *(caller.connection for caller in self._callers)]
        select.select(read, [], [], timeout_s)

    def close(self) -> None:
        """Listen no more."""
        for caller in self._callers:
            caller.connection.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)
