"""`python -m ops.bench.load`: clients that each send the next request once the last is answered; one process.

A Load comes on standard input, the Outcome goes to a file that is named on the command line.
"""

import asyncio
import itertools
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from ops.bench.window import Outcome, Window
from ops.drill.exchange import Answer, Connection, Request

ROOT = Path(__file__).parents[2]
OK = 200
GRACE_S = 30.0


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """`connections` are kept; the window of `seconds` begins after `warm_up_s`.

    `bodies` are sent in turn, over and over; without any it is a GET. `uds` is a Unix socket in place of host and port.
    """

    host: str = ""
    port: int = 0
    uds: str | None = None
    path: str
    bodies: Sequence[str] = ()
    connections: int
    warm_up_s: float
    seconds: float


def measure(load: Load) -> Outcome:
    """Run the generator in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="edge-load-") as folder:
        path = Path(folder) / "outcome"
        subprocess.run(
            [sys.executable, "-m", "ops.bench.load", str(path)],
            cwd=ROOT,
            input=msgspec.json.encode(load),
            timeout=load.warm_up_s + load.seconds + GRACE_S,
            check=True,
        )
        return msgspec.json.decode(path.read_bytes(), type=Outcome)


class Clients:
    """All connections of one Load."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._payloads = itertools.cycle(payloads_of(load))
        self._window = Window(load.warm_up_s, load.seconds)
        self._left = load.connections
        self._done = asyncio.Event()

    async def run(self) -> Outcome:
        """Until the time is over and the last answer has come."""
        for _ in range(self._load.connections):
            await self._connect()
        await self._done.wait()
        used = resource.getrusage(resource.RUSAGE_SELF)
        return self._window.outcome(used.ru_utime + used.ru_stime)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        if self._load.uds is None:
            place = loop.create_connection(lambda: Connection(self._ended), self._load.host, self._load.port)
        else:
            place = loop.create_unix_connection(lambda: Connection(self._ended), self._load.uds)
        _, connection = await place
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        self._window.sent += 1
        connection.send(Request("", next(self._payloads), 0, time.monotonic()))

    def _ended(self, connection: Connection, request: Request, end: Answer | str) -> None:
        now = time.monotonic()
        is_right = isinstance(end, Answer) and end.status == OK
        self._window.add(request.sent_at, now, is_right=is_right)
        if now < self._window.end and connection.is_open and isinstance(end, Answer) and not end.is_last:
            self._send(connection)
        elif now < self._window.end:  # nginx ends a kept connection after a thousand requests
            connection.transport.close()
            self._reconnecting = asyncio.ensure_future(self._connect())
        else:
            connection.transport.close()
            self._left -= 1
            if not self._left:
                self._done.set()


def payloads_of(load: Load) -> list[bytes]:
    """The bytes of the requests: a GET, or POSTs of JSON."""
    head = f"{'POST' if load.bodies else 'GET'} {load.path} HTTP/1.1\r\nHost: bench\r\n"
    if not load.bodies:
        return [f"{head}\r\n".encode()]
    bodies = [body.encode() for body in load.bodies]
    return [
        f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        for body in bodies
    ]


def main() -> None:
    """Read the Load, run it, write the Outcome."""
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcome = runner.run(_run(load))
    Path(sys.argv[1]).write_bytes(msgspec.json.encode(outcome))


async def _run(load: Load) -> Outcome:
    return await Clients(load).run()


if __name__ == "__main__":
    main()
