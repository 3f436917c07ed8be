"""The host's control socket (0600): one JSON line asks; lines of progress may come before the one that answers."""

import json
import socket
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.host import log

if TYPE_CHECKING:  # every command asks, and asyncio takes long to import
    import asyncio

SOCKET_NAME = "host.sock"
ANSWER_S = 1.0
Emit = Callable[[dict[str, Any]], None]
Answer = Callable[[dict[str, Any], Emit], Awaitable[dict[str, Any]]]


class Listener:
    """Whoever answers on a control socket."""

    def __init__(self, server: "asyncio.Server", answering: "set[asyncio.Task[Any]]") -> None:
        self._server = server
        self._answering = answering

    def close(self) -> None:
        """Take no more connections."""
        self._server.close()

    async def answered(self) -> None:
        """Wait until what is under way has its answer."""
        import asyncio

        if self._answering:
            await asyncio.wait([*self._answering], timeout=ANSWER_S)


async def listen(run_dir: Path, answer: Answer) -> Listener:
    """Answer requests on `run_dir/host.sock` with `answer`, until what is returned is closed.

    The socket takes the place of another host's at once: whoever asks meets one of the two.
    """
    import asyncio

    answering: set[asyncio.Task[Any]] = set()

    async def serve(reader: "asyncio.StreamReader", writer: "asyncio.StreamWriter") -> None:
        def emit(message: dict[str, Any]) -> None:
            writer.write(json.dumps(message).encode() + b"\n")

        try:
            while line := await _line(reader):
                task = asyncio.create_task(_answered(line, answer, emit))
                answering.add(task)
                task.add_done_callback(answering.discard)
                emit({"done": True, **await task})
                await writer.drain()
        except ConnectionError:
            return  # the asker left
        finally:
            writer.close()

    fresh = run_dir / f"{SOCKET_NAME}.new"
    fresh.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(serve, fresh)
    fresh.chmod(0o600)
    fresh.replace(run_dir / SOCKET_NAME)
    return Listener(server, answering)


async def _line(reader: "asyncio.StreamReader") -> bytes:
    """The next line; empty at the end, and for one past the reader's limit."""
    try:
        return await reader.readline()
    except ValueError:
        return b""


async def _answered(line: bytes, answer: Answer, emit: Emit) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError as error:
        return {"error": f"not a request: {error}"}
    try:
        return await answer(request, emit)
    except Exception as error:  # noqa: BLE001 - a fault of the host itself: the asker is told, and the log where
        log.write(traceback.format_exc())
        return {"ok": False, "step": "host", "reason": f"the host failed, its log says where: {error!r}"}


def ask(
    run_dir: Path,
    request: dict[str, Any],
    *,
    timeout_s: float = 10.0,
    progress: Emit | None = None,
    name: str = SOCKET_NAME,
) -> dict[str, Any]:
    """Send one request and return its answer; `timeout_s` bounds each silence. Raises OSError when no host answers.

    `name` is the socket: the supervisor's (ops/stack/requests.py) speaks the same way.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(run_dir / name))
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                message: dict[str, Any] = json.loads(line)
                if message.pop("done", False):
                    return message
                if progress is not None:
                    progress(message)
    raise ConnectionError("the host ended before it answered")
