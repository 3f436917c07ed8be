"""Whatever one function does to itself, another one's visitors do not notice."""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from ops.unixhttp import UnixConnection
from tests.parts.hosts import HELLO, RunningHost, running_host

# Misbehaves when it is asked to; every misdeed is bounded, should the host not stop it.
WILD = """
import os
import subprocess
import sys
import time

from litestar import get
from litestar.params import FromPath

from core.app import make_app
from core.function import Function, Route, Smoke

FUNCTION = Function(
    name="wild",
    summary="misbehaves",
    routes=(Route("GET", "/wild/{what}"),),
    smoke=(Smoke("GET", "/wild/word"),),
    memory_mib=64,
    timeout_s=2.0,
    concurrency=2,
)
KEPT = []
SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
ORPHAN = f"import subprocess; subprocess.Popen({SLEEP!r}, start_new_session=True)"


@get("/wild/{what:str}")
async def wild(what: FromPath[str]) -> str:
    import asyncio

    if what == "die":
        os._exit(1)
    if what == "leak":
        KEPT.append(bytearray(b"x") * (48 << 20))
    if what == "devour":
        KEPT.append(bytearray(b"x") * (64 << 30))
    if what == "spin":
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pass
    if what == "breed":
        KEPT.extend(subprocess.Popen(SLEEP) for _ in range(24))
    if what == "abandon":
        for _ in range(3):
            subprocess.run([sys.executable, "-S", "-c", ORPHAN], check=True)
    if what == "wait":
        await asyncio.sleep(1.5)
    return what


def create_app():
    return make_app(FUNCTION, [wild])
"""


class Calm:
    """Visits the other function all the while; `wrong` holds what was not its answer."""

    def __init__(self, host: RunningHost) -> None:
        self.answers = 0
        self.wrong: list[object] = []
        self._host = host
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._visit)
        self._thread.start()

    def _visit(self) -> None:
        while not self._stopped.wait(0.01):
            try:
                answer = self._host.get("calm", "/word")
            except OSError as error:
                answer = (0, repr(error))
            self.answers += 1
            if answer != (200, "calm"):
                self.wrong.append(answer)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


@pytest.fixture(scope="module")
def host() -> Iterator[RunningHost]:
    with running_host({"calm": HELLO.format(name="calm", word="calm"), "wild": WILD}) as running:
        yield running


@pytest.fixture(autouse=True)
def calm(host: RunningHost) -> Iterator[None]:
    """In every test the other function serves with the very same worker and without a single wrong answer."""
    before = host.function("calm")
    visitor = Calm(host)
    host.wait_until(lambda: visitor.answers > 0)
    try:
        yield
    finally:
        visitor.stop()
    assert [] == visitor.wrong
    after = host.function("calm")
    assert (before["workers"], before["restarts"]) == (after["workers"], after["restarts"])
    host.wait_until(lambda: serves(host))


def serves(host: RunningHost) -> bool:
    with lost():
        return host.get("wild", "/wild/word") == (200, "word")
    return False


@contextmanager
def lost() -> Iterator[None]:
    """A request whose worker may die over it."""
    with suppress(OSError):
        yield


def test_a_crash_loop(host: RunningHost):
    before = host.function("wild")["restarts"]
    for _ in range(4):
        with lost():
            host.get("wild", "/wild/die")
    host.wait_until(lambda: host.function("wild")["restarts"] >= before + 3)


def test_a_leak(host: RunningHost):
    before = host.function("wild")["workers"]
    for _ in range(2):
        assert (200, "leak") == host.get("wild", "/wild/leak")
    host.wait_until(lambda: host.function("wild")["workers"] not in ([], before))
    assert "its limit is 64" in host.log()
    host.wait_until(lambda: not host.family() & {*before})


def test_an_allocation_that_would_take_the_machine_along_fails_alone(host: RunningHost):
    before = host.function("wild")["workers"]
    status, _ = host.get("wild", "/wild/devour")
    assert 500 == status
    assert before == host.function("wild")["workers"]
    assert serves(host)


def test_workers_are_chosen_before_the_host_when_memory_runs_out(host: RunningHost):
    def score(pid: int) -> int:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    worker = host.function("wild")["workers"][0]
    assert score(worker) > score(host.process.pid)


def test_an_endless_loop(host: RunningHost):
    before = host.function("wild")["workers"]
    with lost():
        host.get("wild", "/wild/spin")
    host.wait_until(lambda: host.function("wild")["workers"] not in ([], before))
    assert "its event loop has not turned" in host.log()
    assert not host.family() & {*before}


def test_a_fork_bomb(host: RunningHost):
    before = host.function("wild")["workers"]
    family = host.family()
    with lost():
        host.get("wild", "/wild/breed")
    host.wait_until(lambda: host.function("wild")["workers"] not in ([], before))
    assert re.search(r"it had started \d\d processes, 16 are allowed", host.log())
    host.wait_until(lambda: len(host.family()) <= len(family))


def test_processes_that_a_function_abandons_are_ended_and_collected(host: RunningHost):
    def alive() -> set[int]:
        ours = {child.pid for child in psutil.Process(host.process.pid).children()}
        state = {pid for name in ("calm", "wild") for pid in host.function(name)["workers"]}
        return ours - state

    before = alive()  # the zygote
    assert (200, "abandon") == host.get("wild", "/wild/abandon")
    host.wait_until(lambda: len(alive()) >= len(before) + 3)
    host.wait_until(lambda: alive() == before)  # not even as zombies


def test_requests_beyond_the_concurrency_are_refused_while_the_others_are_still_waiting(host: RunningHost):
    finished: list[tuple[int, str | None]] = []

    def ask(_: int) -> None:
        connection = UnixConnection(str(host.run / "wild.sock"), 10.0)
        connection.request("GET", "/wild/wait")
        answer = connection.getresponse()
        body = answer.read()
        finished.append((answer.status, answer.getheader("Retry-After")))
        connection.close()
        if answer.status == 503:
            assert "function-overloaded" in json.loads(body)["type"]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert [503] * 6 + [200] * 2 == [status for status, _ in finished]
    assert all(retry_after is not None and int(retry_after) >= 1 for _, retry_after in finished[:6])


def test_a_host_that_ends_leaves_nothing_that_a_function_has_started():
    with running_host({"wild": WILD}) as own:
        own.get("wild", "/wild/abandon")
        family = own.family()
        assert len(family) > 3
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in family)
