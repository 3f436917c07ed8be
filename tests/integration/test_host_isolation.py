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
)
KEPT = []
SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
ORPHAN = f"import subprocess; print(subprocess.Popen({SLEEP!r}, start_new_session=True, stdout=subprocess.DEVNULL).pid)"


@get("/wild/{what:str}")
async def wild(what: FromPath[str]) -> str:
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
        command = [sys.executable, "-S", "-c", ORPHAN]
        return " ".join(subprocess.check_output(command, text=True) for _ in range(3))
    return what


def create_app():
    return make_app(FUNCTION, [wild])
"""


# Answers once the file is there, two at a time.
HELD = """
import asyncio
import pathlib

from litestar import get

from core.app import make_app
from core.function import Function, Route, Smoke

FUNCTION = Function(
    name="held",
    summary="waits",
    routes=(Route("GET", "/held/word"),),
    smoke=(Smoke("GET", "/metrics/held"),),
    timeout_s=60.0,
    concurrency=2,
)


@get("/held/word")
async def held() -> str:
    while not pathlib.Path("{gate}").exists():
        await asyncio.sleep(0.01)
    return "held"


def create_app():
    return make_app(FUNCTION, [held])
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
    status, told = host.get("wild", "/wild/abandon")
    abandoned = [int(pid) for pid in told.split()]
    assert (200, 3) == (status, len(abandoned))
    host.wait_until(lambda: not any(map(psutil.pid_exists, abandoned)))  # not even as zombies


def test_requests_beyond_the_concurrency_are_refused_while_the_others_are_still_waiting(
    host: RunningHost, tmp_path: Path
):
    gate = tmp_path / "gate"
    assert host.deploy("held", HELD.replace("{gate}", str(gate)))["ok"]

    def ask(_: int) -> tuple[int, str | None, str]:
        connection = UnixConnection(str(host.run / "held.sock"), 60.0)
        try:
            connection.request("GET", "/held/word")
            answer = connection.getresponse()
            return answer.status, answer.getheader("Retry-After"), answer.read().decode()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, number) for number in range(8)]
        host.wait_until(lambda: sum(one.done() for one in asked) == 6)
        refused = [one.result() for one in asked if one.done()]
        gate.touch()
    assert {503} == {status for status, _, _ in refused}
    assert all(retry_after is not None and int(retry_after) >= 1 for _, retry_after, _ in refused)
    assert all("function-overloaded" in json.loads(body)["type"] for _, _, body in refused)
    assert [200, 200] == sorted(one.result()[0] for one in asked)[:2]


def test_a_host_that_ends_leaves_nothing_that_a_function_has_started():
    with running_host({"wild": WILD}) as own:
        own.get("wild", "/wild/abandon")
        family = own.family()
        assert len(family) > 3
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in family)
