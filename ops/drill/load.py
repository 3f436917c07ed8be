"""`python -m ops.drill.load`: the load generator, one process; a Load on standard input, Progress and Result on output.

It sends at a fixed rate whatever the answers do, so that a pause of the product is met by as many requests as any
other time. A line on standard input, or its end, stops it: what is under way, streams too, is waited for.
"""

import asyncio
import errno
import sys
import time
from itertools import count, cycle
from pathlib import Path

import msgspec
import uvloop

from ops.drill.exchange import Answer, Connection, Request
from ops.drill.streams import Stream
from ops.drill.tally import Load, Progress, Tally

TICK_S = 0.004
PROGRESS_S = 0.5
ANSWER_TIMEOUT_S = 30.0
MOST_IN_FLIGHT = 2000
EVENTS_A_SECOND = 4
OWN_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})
ENCODER = msgspec.json.Encoder()


class Generator:
    """Clients of one run."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.tally = Tally(load)
        self._loop = asyncio.get_running_loop()
        self._mix = cycle(load.mix)
        self._numbers = count(load.first_id)
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._streams: set[Stream] = set()
        self._in_flight = self._streams_under_way = 0
        self._all_streams_began = False
        self._releases = {"plain": "", "ledger": ""}
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until stopped, then until everything that was begun has ended."""
        self._loop.add_reader(sys.stdin.fileno(), self._stop)
        for slot in range(self.load.streams):
            self._spawn(self._stream_after(slot))
        ticks = self._loop.create_task(self._report())
        await self._send_steadily()
        while self._in_flight or self._streams_under_way:  # noqa: ASYNC110 - counters have no event
            await asyncio.sleep(TICK_S)
        ticks.cancel()

    def _stop(self) -> None:
        self._loop.remove_reader(sys.stdin.fileno())
        self._stopping = True

    async def _send_steadily(self) -> None:
        start = now = time.monotonic()
        launched = 0
        while not self._stopping:
            await asyncio.sleep(TICK_S)
            before, now = now, time.monotonic()
            self.tally.lag_s = max(self.tally.lag_s, now - before - TICK_S)
            due = int((now - start) * self.load.rate)
            while launched < due and self._in_flight < MOST_IN_FLIGHT:
                self._launch(next(self._mix))
                launched += 1

    def _launch(self, kind: str) -> None:
        number = 0
        if kind == "write":
            number = next(self._numbers)
            self.tally.writes += 1
        request = Request(kind, payload_of(kind, number), number, time.monotonic())
        self._in_flight += 1
        self.tally.sent += 1
        if kind != "fresh":
            while self._idle:
                connection = self._idle.pop()
                if connection.is_open:
                    connection.send(request)
                    return
        self._spawn(self._connect(request))

    async def _connect(self, request: Request) -> None:
        try:
            _, connection = await self._loop.create_connection(
                lambda: Connection(self._ended), self.load.host, self.load.port
            )
        except OSError as error:
            self._in_flight -= 1
            if error.errno in OWN_ERRORS:
                self.tally.fail_own(repr(error))
            else:
                self.tally.fail(f"{request.kind} without a connection", repr(error))
            return
        self._open.add(connection)
        connection.send(request)

    def _ended(self, connection: Connection, request: Request, end: Answer | str) -> None:
        self._in_flight -= 1
        if isinstance(end, str):
            self.tally.fail(f"{request.kind} without an answer", end)
            self._open.discard(connection)
            return
        if end.status == 200 and is_right(request, end.body):  # noqa: PLR2004 - HTTP
            self.tally.answer(request.kind, request.number, request.sent_at)
        else:
            self.tally.wrong_answer(request.kind, end.status, end.release, end.body)
        self._see("ledger" if request.kind == "write" else "plain", end.release)
        if end.is_last or request.kind == "fresh" or not connection.is_open:
            self._open.discard(connection)
            connection.transport.close()
        else:
            self._idle.append(connection)

    def _see(self, function: str, release: str) -> None:
        if release and self._releases[function] != release:
            self._releases[function] = release
            self._tell((function, release, time.monotonic()))

    async def _stream_after(self, slot: int) -> None:
        """Begin a stream shortly before the one before ends; their lengths differ, so that their ends do too."""
        await asyncio.sleep(slot * 0.01)
        shortest = self.load.stream_s / 2
        for turn in count():
            if self._stopping:
                return
            seconds = shortest + shortest * ((slot + 3 * turn) % 8) / 7
            await self._stream(int(seconds * EVENTS_A_SECOND))

    async def _stream(self, events: int) -> None:
        """Begin a stream; returns when it nears its end."""
        tally, near_end = self.tally, asyncio.Event()
        payload = b"GET /api/drill/events/%d HTTP/1.1\r\nHost: drill\r\nAccept: text/event-stream\r\n\r\n" % events
        stream = Stream(payload, events, lambda seen, wrong: self._stream_ended(stream, near_end, seen, wrong))
        stream.on_begin, stream.on_near_end = self._stream_began, near_end.set
        tally.streams += 1
        self._streams_under_way += 1
        try:
            await self._loop.create_connection(lambda: stream, self.load.host, self.load.port)
        except OSError as error:
            self._stream_ended(stream, near_end, 0, f"no connection: {error!r}")
        else:
            if not near_end.is_set():
                self._streams.add(stream)
        await near_end.wait()

    def _stream_began(self) -> None:
        self.tally.streams_open += 1
        self._all_streams_began |= self.tally.streams_open >= self.load.streams

    def _stream_ended(self, stream: Stream, near_end: asyncio.Event, seen: int, wrong: str | None) -> None:
        tally = self.tally
        self._streams.discard(stream)
        self._streams_under_way -= 1
        tally.streams_open -= stream.began
        tally.events += seen
        if self._all_streams_began and not self._stopping:
            tally.least_streams_open = min(tally.least_streams_open, tally.streams_open)
        if wrong is None:
            tally.streams_complete += 1
        else:
            tally.cut(wrong)
        near_end.set()

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS_S)
            for connection in [*self._open]:
                connection.give_up(time.monotonic() - ANSWER_TIMEOUT_S)
            for stream in [*self._streams]:
                stream.give_up(time.monotonic() - ANSWER_TIMEOUT_S)
            self._open = {connection for connection in self._open if connection.is_open}
            self._tell(None)

    def _tell(self, seen: tuple[str, str, float] | None) -> None:
        progress = Progress(self.tally.answered, self.tally.failed, self.tally.streams_open, seen)
        sys.stdout.buffer.write(ENCODER.encode(progress) + b"\n")
        sys.stdout.buffer.flush()

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def payload_of(kind: str, number: int) -> bytes:
    """The bytes of one request."""
    if kind == "write":
        body = b'{"id":%d}' % number
        head = b"POST /api/drill/ledger HTTP/1.1\r\nHost: drill\r\nContent-Type: application/json\r\n"
        return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    close = b"Connection: close\r\n" if kind == "fresh" else b""
    return b"GET /api/drill/plain HTTP/1.1\r\nHost: drill\r\n" + close + b"\r\n"


def is_right(request: Request, body: bytes) -> bool:
    """Whether an answer is to this very request."""
    return body == (b'{"id":%d}' % request.number if request.kind == "write" else b'{"ok":true}')


def main() -> None:
    """Read the Load, run it, write the Result."""
    load = msgspec.json.decode(sys.stdin.buffer.readline(), type=Load)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tally = runner.run(run(load))
    Path(load.acknowledged_path).write_bytes(tally.acknowledged.tobytes())
    sys.stdout.buffer.write(ENCODER.encode(tally.result()) + b"\n")


async def run(load: Load) -> Tally:
    """Run it in this loop."""
    generator = Generator(load)
    await generator.run()
    return generator.tally


if __name__ == "__main__":
    main()
