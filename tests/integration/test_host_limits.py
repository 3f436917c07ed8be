"""Limits hold for every worker: one at the gate, one that serves, one that leaves, and for what they have started."""

import mmap
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ops.host import family
from tests.parts.hosts import HELLO, RunningHost, running_host

# Does what it is asked to; every misdeed is bounded, should the host not stop it.
GREEDY = """
import asyncio
import mmap
import os
import subprocess
import sys
import threading
import time

from litestar import Litestar, get
from litestar.params import FromPath

from core.function import Function, Route, Smoke

FUNCTION = Function(
    name="one",
    summary="takes",
    routes=(Route("GET", "/one/word"),),
    smoke=(Smoke("GET", "/do/nothing"),),
    memory_mib=100,
)
KEPT = []
DOUBLE = "import os, time\\nfor _ in range(7): os.fork(); time.sleep(0.05)\\ntime.sleep(60)"


def take(mib: int) -> None:
    KEPT.append(bytearray(b"x") * (mib << 20))


def share(mib: int) -> None:
    KEPT.append(mmap.mmap(-1, mib << 20))
    for _ in range(mib):
        KEPT[-1].write(b"x" * (1 << 20))


def start(source: str) -> None:
    KEPT.append(subprocess.Popen([sys.executable, "-S", "-c", source]))


@get("/do/{what:str}")
async def do(what: FromPath[str]) -> str:
    if what == "leak":
        take(40)
    if what == "share":
        share(150)
    if what == "delegate":
        start("kept = bytearray(b'x') * (150 << 20); import time; time.sleep(30)")
    if what == "double":
        start(DOUBLE)
    if what == "wait":
        await asyncio.sleep(8)
    if what == "spin":
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pass
    return what


def create_app():
    return Litestar([do], logging_config=None)
"""


def ask(host: RunningHost, what: str) -> None:
    """A request whose worker may be killed over it."""
    with suppress(OSError):
        host.get("one", f"/do/{what}")


def worker_of(host: RunningHost) -> int:
    (worker,) = host.function("one")["workers"]
    return worker


@pytest.mark.parametrize("what", ["share", "delegate"])
def test_memory_that_a_worker_shares_or_has_others_take_counts(what: str):
    with running_host({"one": GREEDY}) as host:
        before = worker_of(host)
        ask(host, what)
        host.wait_until(lambda: before not in host.family())
        host.wait_until(
            lambda: len(host.family()) == 3
        )  # the host, its zygote, the worker; what it had started as well
        assert "its limit is 100" in host.log()


def test_processes_that_multiply_are_ended_with_their_worker():
    with running_host({"one": GREEDY}) as host:
        before = worker_of(host)
        ask(host, "double")
        host.wait_until(lambda: before not in host.family())
        host.wait_until(lambda: len(host.family()) == 3)
        assert "16 are allowed" in host.log()


def test_a_worker_past_its_limit_that_gets_no_successor_is_seen_and_ended(tmp_path: Path):
    barred = tmp_path / "barred"
    with running_host({"one": f"import os\nassert not os.path.exists({str(barred)!r})\n{GREEDY}"}) as host:
        before = worker_of(host)
        barred.touch()
        for _ in range(3):
            host.get("one", "/do/leak")
        host.wait_until(lambda: "its limit is 100" in host.log())
        assert [before] == host.function("one")["workers"]
        assert host.function("one")["memoryMiB"] > 100
        for _ in range(3):
            ask(host, "leak")
        host.wait_until(lambda: before not in host.family())
        barred.unlink()
        host.wait_until(lambda: host.function("one")["workers"] != [])
        assert (200, "nothing") == host.get("one", "/do/nothing")


def test_a_worker_of_a_release_that_drains_is_still_held_to_its_limits():
    with running_host({"one": GREEDY}) as host:
        draining = psutil.Process(worker_of(host))
        asked = [threading.Thread(target=ask, args=(host, what)) for what in ("wait", "spin")]
        for one in asked:
            one.start()
            host.wait_until(lambda one=one: host.function("one")["inFlight"] == asked.index(one) + 1)
        assert host.deploy("one", GREEDY + "\nNEW = 1\n")["ok"]
        host.wait_until(lambda: not draining.is_running())
        assert "its event loop has not turned" in host.log()
        for one in asked:
            one.join()


def test_what_is_seen_without_measuring_is_never_less_than_what_is_measured():
    kept = mmap.mmap(-1, 50 << 20)
    kept.write(b"x" * (50 << 20))
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE):
        measured = family.memory_mib(os.getpid())
        assert 50 < measured <= family.memory_at_most_mib(os.getpid())
    kept.close()


AT_IMPORT = f"""
import subprocess
import time
KEPT = [subprocess.Popen([{sys.executable!r}, "-S", "-c", "import time; time.sleep(30)"]) for _ in range(40)]
time.sleep(20)
"""
AT_LIFESPAN = GREEDY.replace("Litestar([do]", "Litestar([do], on_startup=[lambda: take(150) or time.sleep(20)]")


@pytest.mark.parametrize(
    ("source", "step"), [(AT_IMPORT + GREEDY, "processes"), (AT_LIFESPAN, "memory")], ids=["processes", "memory"]
)
def test_a_release_that_takes_too_much_at_its_gate_is_refused_while_it_does(source: str, step: str):
    with running_host({"one": HELLO.format(name="one", word="good")}) as host:
        family = host.family()
        refused = host.deploy("one", source)
        assert (False, step) == (refused["ok"], refused["step"]), refused
        host.wait_until(lambda: host.family() == family)
        assert (200, "good") == host.get("one", "/word")
