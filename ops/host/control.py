"""The host's control socket (0600): one JSON line asks, one JSON line answers."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

SOCKET_NAME = "host.sock"
Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


async def listen(run_dir: Path, answer: Answer) -> asyncio.Server:
    """Answer requests on `run_dir/host.sock` with `answer`, until the returned server is closed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                try:
                    reply = await answer(json.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    reply = {"error": f"not a request: {error!r}"}
                writer.write(json.dumps(reply).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            return  # the asker left, or sent a line past the reader's limit
        finally:
            writer.close()

    path = run_dir / SOCKET_NAME
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(serve, path)
    path.chmod(0o600)
    return server


def ask(run_dir: Path, request: dict[str, Any], timeout_s: float = 10.0) -> dict[str, Any]:
    """Send one request and return its answer; raises OSError when no host listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(run_dir / SOCKET_NAME))
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            line = lines.readline()
    if not line:
        raise ConnectionError("the host closed the connection without an answer")
    answer: dict[str, Any] = json.loads(line)
    return answer
