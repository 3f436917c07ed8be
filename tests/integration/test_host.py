"""The function host with real forks, real sockets and real Granian workers."""

import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.parts.hosts import HELLO, RunningHost, running_host


@pytest.fixture(scope="module")
def host() -> Iterator[RunningHost]:
    with running_host({name: HELLO.format(name=name, word=f"I am {name}") for name in ("one", "two")}) as running:
        for name in ("one", "two"):
            running.wait_for(name, "serving")
        yield running


def wait_until(condition, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


def test_each_function_answers_on_its_own_socket(host: RunningHost):
    assert (200, "I am one") == host.get("one", "/word")
    assert (200, "I am two") == host.get("two", "/word")


def test_the_socket_that_nginx_opens_is_a_symlink_to_the_active_generation(host: RunningHost):
    assert "one.1.sock" == str((host.run / "one.sock").readlink())


def test_the_status_holds_the_manifest_of_each_function(host: RunningHost):
    manifest = host.function("one")["manifest"]
    assert "one" == manifest["name"]
    assert [{"method": "GET", "path": "/word", "body_limit_bytes": 1048576}] == manifest["routes"]


def test_a_killed_worker_comes_back_and_its_socket_queues_requests_meanwhile(host: RunningHost):
    before = host.function("one")
    os.kill(before["workers"][0], signal.SIGKILL)
    assert (200, "I am one") == host.get("one", "/word")
    after = host.wait_for("one", "serving")
    assert before["workers"] != after["workers"]
    assert before["restarts"] + 1 == after["restarts"]


def test_a_killed_zygote_is_replaced_at_the_next_fork_and_workers_do_not_notice(host: RunningHost):
    zygote = psutil.Process(
        next(p.pid for p in psutil.Process(host.process.pid).children() if "zygote" in str(p.cmdline()))
    )
    worker = host.function("two")["workers"][0]
    zygote.kill()
    assert (200, "I am two") == host.get("two", "/word")
    os.kill(worker, signal.SIGKILL)
    assert (200, "I am two") == host.get("two", "/word")


@pytest.mark.parametrize(
    ("source", "step", "reason"),
    [
        ("def create_app(:\n", "import", "SyntaxError"),
        ("import nothing_of_this_name\n", "import", "ModuleNotFoundError"),
        (HELLO.format(name="broken", word="x").replace("def create_app", "def created_app"), "import", "create_app"),
        (HELLO.format(name="other", word="x"), "import", "FUNCTION.name is 'other'"),
        ("import sys\nsys.exit(7)\n", "import", "exit status 7"),
        ("import os\nos._exit(0)\n", "import", "without a word"),
        (HELLO.format(name="broken", word="x").replace('"/word"),)', '"/wrong"),)'), "smoke", "expected 200, got 404"),
        (
            HELLO.format(name="broken", word="x").replace(
                "Litestar([word]", "Litestar([word], on_startup=[lambda: 1 / 0]"
            ),
            "lifespan",
            "division by zero",
        ),
    ],
    ids=["syntax", "import", "no-create-app", "misnamed", "exit", "hard-exit", "smoke", "lifespan"],
)
def test_a_broken_function_takes_no_traffic_and_says_which_step_failed(source: str, step: str, reason: str):
    good = HELLO.format(name="good", word="fine")
    with running_host({"broken": source, "good": good}) as host:
        failed = host.wait_for("broken", "failed")
        assert step == failed["failedStep"]
        assert reason in failed["failure"]
        assert not (host.run / "broken.sock").exists()
        host.wait_for("good", "serving")
        assert (200, "fine") == host.get("good", "/word")


def test_a_stopped_host_leaves_no_process_and_no_socket():
    with running_host({"one": HELLO.format(name="one", word="x")}) as host:
        host.wait_for("one", "serving")
        family = psutil.Process(host.process.pid).children(recursive=True)
        host.process.terminate()
        assert 0 == host.process.wait(20)
        wait_until(lambda: not any(process.is_running() for process in family))
        assert [] == list(host.run.glob("one*.sock"))


def test_a_host_killed_with_9_takes_its_workers_along():
    with running_host({"one": HELLO.format(name="one", word="x")}) as host:
        host.wait_for("one", "serving")
        family = psutil.Process(host.process.pid).children(recursive=True)
        host.process.kill()
        wait_until(lambda: not any(process.is_running() and process.status() != "zombie" for process in family))
