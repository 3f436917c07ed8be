"""What the supervisor is asked, on a socket (0600) of its own: looked at between its other work, never waited for."""

import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

SOCKET_NAME = "supervisor.sock"
LINE_BYTES = 65536
PATIENCE_S = 1.0


class Asked:
    """One request, and who waits for its answer."""

    def __init__(self, request: dict[str, Any], connection: socket.socket) -> None:
        self.request = request
        self._connection = connection

    def tell(self, message: dict[str, Any]) -> None:
        """A line of progress; one who left does not matter."""
        with suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def answer(self, message: dict[str, Any]) -> None:
        """The last line."""
        self.tell({"done": True, **message})
        self._connection.close()


class Requests:
    """Listens in the run folder; speaks as the host does (ops/host/control.py)."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / SOCKET_NAME
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._path.chmod(0o600)
        self._listener.listen()
        self._listener.setblocking(False)

    def next(self) -> Asked | None:
        """A request that came in, None without one."""
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return None
        connection.settimeout(PATIENCE_S)
        try:
            request = json.loads(_line(connection))
        except (OSError, ValueError):
            connection.close()
            return None
        return Asked(request if isinstance(request, dict) else {}, connection)

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()
        self._path.unlink(missing_ok=True)


def _line(connection: socket.socket) -> bytes:
    found = b""
    while not found.endswith(b"\n") and len(found) < LINE_BYTES and (chunk := connection.recv(4096)):
        found += chunk
    return found
