"""What a round counts: answers that end in its window make the rate, requests sent in it the latencies."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.bench.load import Load, measure
from ops.bench.rounds import Measured
from ops.bench.window import Outcome, Window


def window(*requests: tuple[float, float], is_right: bool = True) -> Outcome:
    """A window from second 1 to 3 of a clock that begins now, and these requests, sent and ended by it."""
    made = Window(1.0, 2.0)
    zero = made.end - 3
    for sent_at, ended_at in requests:
        made.add(zero + sent_at, zero + ended_at, is_right=is_right)
    return made.outcome(0.0)


def test_an_answer_counts_where_it_ends_and_its_time_where_it_was_sent():
    found = window((0.5, 0.9), (0.5, 1.5), (1.5, 2.5), (2.5, 5.0), (3.1, 3.2))
    assert 2 == found.ended
    assert [1.0, 2.5] == pytest.approx(found.latencies_s)


def test_the_slowest_are_not_cut_off_at_the_end():
    assert 27 == pytest.approx(max(window((1.2, 1.3), (2.9, 29.9)).latencies_s))


def test_an_error_counts_where_it_was_sent_or_where_it_ended():
    found = window((0.1, 0.2), (0.5, 1.5), (1.5, 1.6), (2.9, 9.0), is_right=False)
    assert (3, 0, []) == (found.errors, found.ended, found.latencies_s)


def test_a_round_without_enough_answers_has_no_quantile_that_passes_for_a_quick_one():
    made = Measured()
    made.add(Outcome(seconds=1, ended=0, latencies_s=[0.001] * 19, errors=7, sent=26, cpu_s=0), {})
    assert 1 == made.side("x", quantile=0.5).median
    with pytest.raises(RuntimeError, match="19 answers tell no p95; 7 errors"):
        made.side("x", quantile=0.95)


class Metronome:
    """A server that answers at an even pace, whoever asks: so many a second and no more."""

    def __init__(self, path: Path, pace_s: float) -> None:
        self._pace_s = pace_s
        self._next = 0.0
        self._loop = asyncio.new_event_loop()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, sock=self._socket)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self._next = max(self._next, time.monotonic()) + self._pace_s
                await asyncio.sleep(self._next - time.monotonic())
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def stop(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._socket.close()


@pytest.fixture
def metronome(tmp_path: Path) -> Iterator[str]:
    """One that answers 200 times a second."""
    made = Metronome(tmp_path / "s", 0.005)
    yield str(tmp_path / "s")
    made.stop()


def test_none_of_those_that_wait_at_the_end_of_the_window_is_lost(metronome: str):
    """Each end is followed by the next request: as many end in it as are sent in it, not 50 fewer."""
    found = measure(Load(uds=metronome, path="/", connections=50, warm_up_s=0.4, seconds=1.0))
    assert 0 == found.errors
    assert 0 < found.ended <= 201
    assert len(found.latencies_s) == pytest.approx(found.ended, abs=10)
