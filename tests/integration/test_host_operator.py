"""What an operator does while the host is about to change the same function by itself: the operator's word stands."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from ops.host import control
from ops.host.background import FIRST_BACKOFF_S
from tests.parts.hosts import HELLO, RunningHost, running_host

CHECK = "assert not __import__('os').path.exists({path!r})"


def source(word: str) -> str:
    return HELLO.format(name="one", word=word)


def raising(file: Path, text: str) -> str:
    """The function, which answers 500 while the file is there."""
    return text.replace("    return", f"    {CHECK.format(path=str(file))}\n    return", 1)


def held(fifo: Path, text: str) -> str:
    """The function, which waits at its first request, the one of the gate, for what is written into the fifo."""
    text = text.replace("@get", f"gate = [{str(fifo)!r}]\n\n\n@get", 1)
    return text.replace("    return", "    gate and open(gate.pop()).read()\n    return", 1)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def deploy_beside(threads: ThreadPoolExecutor, host: RunningHost, release: str) -> Future[dict]:
    request = {"op": "deploy", "name": "one", "release": release, "by": "test"}
    return threads.submit(control.ask, host.run, request, timeout_s=60)


def switched_by(host: RunningHost) -> list[str]:
    return [entry.by for entry in host.journal.entries("one") if entry.event == "active"]


def test_a_fix_under_way_when_a_release_is_to_be_taken_back_stays_and_is_watched(
    tmp_path: Path, fifo: Path, threads: ThreadPoolExecutor
):
    broken, fix_broken = tmp_path / "broken", tmp_path / "fix_broken"
    with running_host({"one": source("good")}, "--watch-scale", "0.005") as host:
        good = host.function("one")["release"]
        assert host.deploy("one", raising(broken, source("bad")))["ok"]
        fix = host.write("one", held(fifo, raising(fix_broken, source("fix"))))
        fixing = deploy_beside(threads, host, fix)
        broken.touch()

        def is_taken_back() -> bool:
            host.get("one", "/word")
            return "taking back" in host.log()

        host.wait_until(is_taken_back)
        fifo.write_text("go")
        assert fixing.result()["ok"]
        again = deploy_beside(threads, host, fix)  # after it the host's own change has had its turn
        fifo.write_text("go")
        assert again.result()["ok"]
        assert ["test"] * 4 == switched_by(host)
        fix_broken.touch()
        host.wait_until(lambda: host.get("one", "/word") == (200, "good"))
        assert good == host.journal.active("one") == host.function("one")["release"]


def test_a_deploy_while_the_host_tries_to_bring_up_another_release_stays(
    tmp_path: Path, fifo: Path, threads: ThreadPoolExecutor
):
    broken = tmp_path / "broken"
    with running_host({"one": f"{CHECK.format(path=str(broken))}\n{source('old')}"}) as host:
        new = host.write("one", held(fifo, source("new")))
        host.process.terminate()
        host.process.wait(20)
        broken.touch()
        host.start()
        host.wait_until(lambda: host.function("one")["state"] == "failed")
        deploying = deploy_beside(threads, host, new)
        host.wait_until(lambda: list(host.run.glob("one.*.sock")))
        time.sleep(8 * FIRST_BACKOFF_S)  # the second try is due before, and waits for its turn
        broken.unlink()
        fifo.write_text("go")
        first = deploying.result()["state"]["generation"]
        again = deploy_beside(threads, host, new)  # after it the host's own change has had its turn
        fifo.write_text("go")
        assert first + 1 == again.result()["state"]["generation"]
        assert new == host.journal.active("one") == host.function("one")["release"]
        assert (200, "new") == host.get("one", "/word")
