"""A disk without a byte left: workers that end are replaced on it, and what needs space comes back with the space."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.full_disk import filled, small_disk
from tests.parts.hosts import HELLO, RunningHost, running_host

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, "32m") as disk:
        yield disk


def log_of(host: RunningHost) -> Path:
    return host.logs / "host.log"


def test_a_killed_worker_is_replaced_on_a_full_disk(disk: Path):
    with running_host({"one": HELLO.format(name="one", word="x")}, disk=disk) as host, filled(log_of(host)):
        (killed,) = host.function("one")["workers"]
        os.kill(killed, signal.SIGKILL)
        host.wait_until(lambda: host.function("one")["workers"] not in ([], [killed]))
        assert (200, "x") == host.get("one", "/word")


def test_workers_found_after_the_host_was_killed_on_a_full_disk_serve_until_their_successors_do(disk: Path):
    sources = {"one": HELLO.format(name="one", word="x")}
    with running_host(sources, disk=disk, lifeline=True) as host, filled(log_of(host)):
        (before,) = host.function("one")["workers"]
        host.process.kill()
        host.process.wait(10)
        assert (200, "x") == host.get("one", "/word")
        host.start()
        host.wait_until(lambda: host.function("one")["state"] == "serving")
        host.wait_until(lambda: before not in host.family())
        assert (200, "x") == host.get("one", "/word")


# Needs space on the disk of the releases to start. What it tries is counted where there is space.
HUNGRY = """
import os
import tempfile

os.write(os.open({tries!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT), b".")
with tempfile.TemporaryFile(dir=os.path.dirname(__file__)) as file:
    file.write(bytes(4096))
"""


def test_a_function_that_cannot_start_on_a_full_disk_starts_once_there_is_space(disk: Path, tmp_path_factory):
    tries = tmp_path_factory.mktemp("elsewhere") / "tries"
    hungry = HUNGRY.format(tries=str(tries)) + HELLO.format(name="one", word="x")

    def is_tried_again(host: RunningHost) -> None:
        before = tries.stat().st_size
        host.wait_until(lambda: tries.stat().st_size >= before + 4)  # past the third, which is to lead back

    with running_host({"one": hungry}, disk=disk) as host:
        with filled(log_of(host)):
            os.kill(host.function("one")["workers"][0], signal.SIGKILL)
            is_tried_again(host)
            assert "starting" == host.function("one")["state"]
        host.wait_until(lambda: host.function("one")["state"] == "serving")
        with filled(log_of(host)):
            host.process.kill()
            host.process.wait(10)
            host.start()
            is_tried_again(host)
            assert "import" == host.function("one")["failedStep"]
            assert "No space left" in host.function("one")["failure"]
        host.wait_until(lambda: host.function("one")["state"] == "serving")
        assert (200, "x") == host.get("one", "/word")
