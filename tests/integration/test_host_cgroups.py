"""Workers in cgroups that the kernel holds: wherever version 2 may be written, and its limits where it has them."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ops.host import cgroup
from tests.parts.cgroups import ENTERING, delegated, mounted
from tests.parts.hosts import HELLO, RunningHost, running_host

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may delegate a cgroup to a host")

THREE = HELLO.replace("smoke=(", "workers=3,\n    smoke=(")
# Takes memory, or starts threads until it may not, when it is asked to.
GREEDY = """
import threading
from litestar import Litestar, get
from litestar.params import FromPath
from core.function import Function, Route, Smoke

FUNCTION = Function(
    name="greedy",
    summary="takes",
    routes=(Route("GET", "/greedy/word"),),
    smoke=(Smoke("GET", "/word"),),
    memory_mib=128,
)
KEPT = []


@get("/word")
async def word() -> str:
    return "hello"


@get("/take/{mib:int}")
async def take(mib: FromPath[int]) -> str:
    KEPT.append(bytearray(b"x") * (mib << 20))
    return "taken"


@get("/breed")
async def breed() -> int:
    end, count = threading.Event(), 0
    try:
        while count < 400:
            threading.Thread(target=end.wait).start()
            count += 1
    except RuntimeError:  # can't start new thread
        pass
    end.set()
    return count


def create_app():
    return Litestar([word, take, breed], logging_config=None)
"""


@pytest.fixture(scope="module")
def hierarchy(tmp_path_factory) -> Iterator[Path]:
    try:
        with mounted(tmp_path_factory.mktemp("cgroup")) as mount, delegated(mount) as base:
            yield base
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no cgroup v2 hierarchy may be written here: {error}")


@pytest.fixture
def base(hierarchy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hosts that are started from now on enter it."""
    monkeypatch.setenv("CGROUP", str(hierarchy))
    monkeypatch.setattr(RunningHost, "program", ("-c", ENTERING))
    return hierarchy


@pytest.fixture
def limits(base: Path) -> Path:
    offered = (base / "cgroup.controllers").read_text().split()
    if missing := sorted({*cgroup.CONTROLLERS} - {*offered}):
        pytest.skip(f"cgroup v2 has no {' and no '.join(missing)} here, which version 1 may hold")
    return base


def cgroups(base: Path) -> dict[str, list[int]]:
    """The processes of each worker's cgroup by its name."""
    found = {}
    for path in base.iterdir():
        if path.is_dir() and path.name != cgroup.LEAF:
            with suppress(OSError):  # removed meanwhile
                found[path.name] = sorted(map(int, (path / "cgroup.procs").read_text().split()))
    return found


def kills(base: Path) -> int:
    """How many processes the kernel has ended below it for want of memory."""
    events = dict(line.split() for line in (base / "memory.events").read_text().splitlines())
    return int(events["oom_kill"])


def test_workers_that_come_up_side_by_side_are_each_in_a_cgroup_of_their_own(base: Path):
    with running_host({"one": THREE.format(name="one", word="x")}) as host:
        before = host.function("one")["workers"]
        assert sorted([pid] for pid in before) == sorted(cgroups(base).values())
        assert host.deploy("one", THREE.format(name="one", word="y"))["ok"]
        after = host.function("one")["workers"]
        host.wait_until(lambda: sorted([pid] for pid in after) == sorted(cgroups(base).values()))
    assert {} == cgroups(base)


@pytest.mark.usefixtures("base")
def test_a_restart_of_many_functions_brings_up_each_one_as_it_was():
    names = [f"f{number}" for number in range(6)]
    with running_host({name: HELLO.format(name=name, word="old") for name in names}) as host:
        for name in names:
            assert host.deploy(name, HELLO.format(name=name, word="new"))["ok"]
        active = {name: host.journal.active(name) for name in names}
        host.process.terminate()
        host.process.wait(20)
        host.start()
        host.wait_until(lambda: all(host.function(name)["state"] == "serving" for name in names))
        assert active == {name: host.function(name)["release"] for name in names}
        assert active == {name: host.journal.active(name) for name in names}
        assert "failed" not in host.log()


def test_a_host_that_comes_after_a_killed_one_removes_the_cgroups_of_its_workers(base: Path):
    with running_host({"one": THREE.format(name="one", word="x")}, "--drain-s", "5", lifeline=True) as host:
        host.process.kill()
        host.process.wait(10)
        left = base / "one.9.1"  # of a worker that ended without a host
        left.mkdir()
        with subprocess.Popen(["/bin/sleep", "60"]) as leftover:
            (left / "cgroup.procs").write_text(str(leftover.pid))
            host.start()
            assert -signal.SIGKILL == leftover.wait(20)

        def only_its_own() -> bool:
            return sorted([pid] for pid in host.function("one")["workers"]) == sorted(cgroups(base).values())

        host.wait_until(only_its_own)
        assert 3 == len(cgroups(base))


def test_memory_past_the_limit_ends_that_worker_alone_and_at_once(limits: Path):
    sources = {"greedy": GREEDY, "calm": HELLO.format(name="calm", word="calm")}
    with running_host(sources) as host:
        (greedy,), calm = host.function("greedy")["workers"], host.function("calm")["workers"]
        before = kills(limits)
        with pytest.raises(OSError):  # noqa: PT011 - closed or reset, as the kill meets it
            host.get("greedy", "/take/400")
        assert kills(limits) > before
        host.wait_until(lambda: host.function("greedy")["workers"] not in ([], [greedy]))
        assert (200, "hello") == host.get("greedy", "/word")
        assert calm == host.function("calm")["workers"]
    assert {} == cgroups(limits)


@pytest.mark.usefixtures("limits")
def test_a_worker_starts_no_more_tasks_than_its_cgroup_holds():
    with running_host({"greedy": GREEDY}) as host:
        status, started = host.get("greedy", "/breed")
        assert 200 == status
        assert cgroup.MOST_TASKS // 2 < int(started) < cgroup.MOST_TASKS  # it had threads before
        assert (200, "hello") == host.get("greedy", "/word")
