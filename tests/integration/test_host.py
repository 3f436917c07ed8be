"""The function host with real forks, real sockets and real Granian workers."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from ops.host import control, records
from tests.parts.hosts import HELLO, RunningHost, running_host


@pytest.fixture(scope="module")
def host() -> Iterator[RunningHost]:
    with running_host({name: HELLO.format(name=name, word=f"I am {name}") for name in ("one", "two")}) as running:
        yield running


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def zygote(host: RunningHost) -> int | None:
    return control.ask(host.run, {"op": "status"})["zygote"]


def test_each_function_answers_on_its_own_socket(host: RunningHost):
    assert (200, "I am one") == host.get("one", "/word")
    assert (200, "I am two") == host.get("two", "/word")


def test_the_socket_that_nginx_opens_is_a_symlink_to_the_active_generation(host: RunningHost):
    generation = host.function("one")["generation"]
    assert f"one.{generation}.sock" == str((host.run / "one.sock").readlink())


def test_the_status_holds_the_manifest_of_each_function(host: RunningHost):
    manifest = host.function("one")["manifest"]
    assert "one" == manifest["name"]
    assert [("GET", "/one/word")] == [(route["method"], route["path"]) for route in manifest["routes"]]


def test_a_killed_worker_comes_back_and_its_socket_queues_requests_meanwhile(host: RunningHost):
    before = host.function("one")
    os.kill(before["workers"][0], signal.SIGKILL)
    assert (200, "I am one") == host.get("one", "/word")
    after = host.function("one")
    assert before["workers"] != after["workers"]
    assert before["restarts"] + 1 == after["restarts"]


def test_a_killed_zygote_is_replaced_at_once_and_workers_do_not_notice(host: RunningHost):
    before, workers = zygote(host), host.function("two")["workers"]
    os.kill(before, signal.SIGKILL)
    host.wait_until(lambda: zygote(host) not in {None, before})
    assert (workers, 0) == (host.function("two")["workers"], host.function("two")["restarts"])
    assert (200, "I am two") == host.get("two", "/word")
    os.kill(host.function("two")["workers"][0], signal.SIGKILL)
    assert (200, "I am two") == host.get("two", "/word")


def test_a_deploy_brings_new_code_and_the_release_before_ends(host: RunningHost):
    assert host.deploy("news", HELLO.format(name="news", word="old"))["ok"]
    old = host.function("news")["workers"]
    answer = host.deploy("news", HELLO.format(name="news", word="new"))
    assert answer["ok"]
    assert (200, "new") == host.get("news", "/word")
    host.wait_until(lambda: not any(psutil.pid_exists(pid) for pid in old))
    assert ["active", "active"] == [entry.event for entry in host.journal.entries("news")]


BROKEN = HELLO.format(name="broken", word="x")


@pytest.mark.parametrize(
    ("source", "step", "reason"),
    [
        ("def create_app(:\n", "import", "SyntaxError"),
        ("import nothing_of_this_name\n", "import", "ModuleNotFoundError"),
        (BROKEN.replace("def create_app", "def created_app"), "import", "create_app"),
        (BROKEN.replace('name="broken"', 'name="other"'), "import", "FUNCTION.name is 'other'"),
        ("import sys\nsys.exit(7)\n", "import", "exit status 7"),
        ("import os\nos._exit(5)\n", "import", "without a word the worker ended with exit status 5"),
        (BROKEN.replace('return "x"', "import os; os._exit(9)"), "smoke", "the worker ended with exit status 9"),
        (BROKEN.replace('return "x"', "import os; os.abort()"), "smoke", "the worker ended by SIGABRT"),
        (BROKEN.replace('Smoke("GET", "/word")', 'Smoke("GET", "/wrong")'), "smoke", "expected 200, got 404"),
        (BROKEN.replace("Litestar([word]", "Litestar([word], on_startup=[lambda: 1 / 0]"), "lifespan", "division"),
        (BROKEN.replace('return "x"', "import os; os._exit(1)"), "smoke", "GET /word"),
        (BROKEN.replace("smoke=", "memory_mib=1, smoke="), "memory", "its limit is 1"),
        (BROKEN.replace("smoke=", "workers='two', smoke="), "import", "Expected `int`, got `str` - at `$.workers`"),
        (BROKEN.replace('routes=(Route("GET", "/broken/word"),)', "routes=None"), "import", "at `$.routes`"),
        (BROKEN.replace('Smoke("GET", "/word")', 'Smoke("GET", "/wörd")'), "import", "at `$.smoke[0].path`"),
        (BROKEN.replace('"GET", "/word")', '"POST", "/word", "y" * 70_000)'), "smoke", "expected 200, got 405"),
        (BROKEN.replace('"GET", "/word")', '"POST", "/word", "y" * 2_000_000)'), "import", "cannot be read"),
    ],
    ids=[
        *("syntax", "import", "no-app", "misnamed", "exit", "hard-exit", "dies-with-status", "dies-by-signal"),
        *("smoke", "lifespan", "dies", "memory"),
        *("workers", "routes", "smoke-path", "long-smoke", "too-long-smoke"),
    ],
)
def test_a_broken_release_never_takes_traffic(host: RunningHost, source: str, step: str, reason: str):
    assert host.deploy("broken", HELLO.format(name="broken", word="good"))["ok"]
    before = host.function("broken")
    answer = host.deploy("broken", source)
    assert not answer["ok"]
    assert step == answer["step"]
    assert reason in answer["reason"]
    after = host.function("broken")
    assert (before["release"], before["workers"]) == (after["release"], after["workers"])
    assert (200, "good") == host.get("broken", "/word")


def test_a_first_release_that_is_broken_leaves_no_socket(host: RunningHost):
    assert not host.deploy("never", "def create_app(:\n")["ok"]
    assert "failed" == host.function("never")["state"]
    assert not (host.run / "never.sock").exists()


def test_a_stopped_host_leaves_no_process_and_no_socket():
    with running_host({"one": HELLO.format(name="one", word="x")}) as host:
        family = psutil.Process(host.process.pid).children(recursive=True)
        host.process.terminate()
        assert 0 == host.process.wait(20)
        host.wait_until(lambda: not any(alive(process) for process in family))
        assert [] == list(host.run.glob("one*.sock"))


def test_a_host_that_is_asked_to_end_answers_what_it_has_in_hand():
    slow = HELLO.replace(
        "async def word() -> str:", "async def word() -> str:\n    import asyncio; await asyncio.sleep(1)"
    )
    with running_host({"one": slow.format(name="one", word="done")}) as host, ThreadPoolExecutor() as threads:
        asked = threads.submit(host.get, "one", "/word")
        host.wait_until(lambda: host.function("one")["inFlight"] == 1)
        host.process.terminate()
        assert (200, "done") == asked.result()
        assert 0 == host.process.wait(20)


def test_a_host_that_is_asked_to_end_during_a_deploy_refuses_it_and_leaves_nothing():
    slow = HELLO.replace(
        "async def word() -> str:", "async def word() -> str:\n    import asyncio; await asyncio.sleep(2)"
    )
    with (
        running_host({"one": slow.format(name="one", word="done")}, lifeline=True) as host,
        ThreadPoolExecutor() as pool,
    ):
        release = host.journal.active("one")
        asked = pool.submit(host.get, "one", "/word")
        host.wait_until(lambda: host.function("one")["inFlight"] == 1)
        importing = "import time\ntime.sleep(1)\n" + HELLO.format(name="one", word="new")
        deploying = pool.submit(host.deploy, "one", importing)
        host.wait_until(lambda: len([*host.run.glob("workers/one.2.*")]) == 1)
        host.process.terminate()
        assert (200, "done") == asked.result()
        assert (False, "the host is stopping") == (deploying.result()["ok"], deploying.result()["reason"])
        assert 0 == host.process.wait(20)
        assert ["active"] == [entry.event for entry in host.journal.entries("one")]
        assert release == host.journal.active("one")
        assert [] == list(host.run.glob("one*.sock"))
        assert "Traceback" not in host.log()


def test_the_control_socket_is_its_users_alone(host: RunningHost):
    assert 0o600 == (host.run / "host.sock").stat().st_mode & 0o777


def test_without_a_lifeline_a_host_killed_with_9_takes_its_workers_along():
    with running_host({"one": HELLO.format(name="one", word="x")}) as host:
        family = psutil.Process(host.process.pid).children(recursive=True)
        host.process.kill()
        host.wait_until(lambda: not any(alive(process) for process in family))


def test_a_restarted_host_resumes_what_the_journal_names():
    with running_host({"one": HELLO.format(name="one", word="x")}) as host:
        release = host.function("one")["release"]
        host.process.terminate()
        host.process.wait(20)
        host.start()
        host.wait_until(lambda: host.function("one")["state"] == "serving")
        assert release == host.function("one")["release"]
        assert (200, "x") == host.get("one", "/word")
        assert [] == [record for record in records.living(host.run / "workers") if record.name != "one"]


def test_a_release_that_crashes_again_and_again_falls_back_to_the_one_before():
    crashing = HELLO.format(name="one", word="bad").replace(
        "def create_app", "import asyncio, os\nasync def die(): os._exit(1)\ndef create_app"
    )
    crashing = crashing.replace(
        "Litestar([word]", "Litestar([word], on_startup=[lambda: asyncio.get_running_loop().call_later(1, os._exit, 1)]"
    )
    with running_host({"one": HELLO.format(name="one", word="good")}) as host:
        good = host.function("one")["release"]
        assert host.deploy("one", crashing)["ok"]
        host.wait_until(lambda: host.function("one")["release"] == good)
        assert (200, "good") == host.get("one", "/word")
        failed = next(entry for entry in host.journal.entries("one") if entry.event == "failed")
        assert "down" in failed.reason


LYING = """count[0] += 1
    if count[0] > 1:
        raise ValueError
    return 'bad'"""
HANGING = """
import asyncio
from pathlib import Path

from litestar import get
from core.app import make_app
from core.function import Function, Smoke

FUNCTION = Function(name="one", summary="waits", routes=(), smoke=(Smoke("GET", "/word"),), timeout_s=0.5)


@get("/word")
async def word() -> str:
    while Path(HANGS).exists():
        await asyncio.sleep(0.1)
    return "bad"


def create_app():
    return make_app(FUNCTION, [word])
"""
STUCK = """@get("/stick")
async def stick() -> str:
    while True:
        pass


def create_app"""


def test_a_release_that_lies_at_its_smoke_request_is_taken_back():
    lying = HELLO.format(name="one", word="bad").replace('return "bad"', LYING).replace("@get", "count = [0]\n\n\n@get")
    with running_host({"one": HELLO.format(name="one", word="good")}, "--watch-scale", "0.005") as host:
        good = host.function("one")["release"]
        assert host.deploy("one", lying)["ok"]

        def taken_back() -> bool:
            host.get("one", "/word")
            return host.function("one")["release"] == good

        host.wait_until(taken_back)
        failed = next(entry for entry in host.journal.entries("one") if entry.event == "failed")
        assert "errors" in failed.reason


def test_a_release_that_hangs_until_its_timeout_is_taken_back(tmp_path: Path):
    hanging = HANGING.replace("HANGS", repr(str(tmp_path / "hangs")))
    with running_host({"one": HELLO.format(name="one", word="good")}, "--watch-scale", "0.005") as host:
        good = host.function("one")["release"]
        assert host.deploy("one", hanging)["ok"]
        (tmp_path / "hangs").touch()
        with ThreadPoolExecutor(30) as threads:  # more than it takes to judge a rate

            def taken_back() -> bool:
                answers = {*threads.map(lambda _: host.get("one", "/word"), range(30))}
                assert {503, 200} >= {status for status, _ in answers}
                assert (200, "bad") not in answers
                return host.function("one")["release"] == good

            host.wait_until(taken_back)
        failed = next(entry for entry in host.journal.entries("one") if entry.event == "failed")
        assert "errors" in failed.reason


def test_a_stuck_worker_is_killed_and_another_serves():
    stuck = HELLO.format(name="one", word="x").replace("def create_app", STUCK)
    stuck = stuck.replace("Litestar([word]", "Litestar([word, stick]").replace("smoke=", "timeout_s=300.0, smoke=")
    with running_host({"one": stuck, "two": HELLO.format(name="two", word="y")}) as host:
        before = host.function("one")["workers"]
        with pytest.raises(OSError):  # noqa: PT011 - reset or closed, as the kill meets it
            host.get("one", "/stick")
        host.wait_until(lambda: host.function("one")["workers"] not in ([], before))
        assert (200, "x") == host.get("one", "/word")
        assert (200, "y") == host.get("two", "/word")


def test_a_refused_first_release_does_not_keep_the_next_start():
    with running_host({"good": HELLO.format(name="good", word="fine")}) as host:
        assert not host.deploy("never", "def create_app(:\n")["ok"]
        host.process.terminate()
        host.process.wait(20)
        host.start()
        host.wait_until(lambda: host.function("good")["state"] == "serving")
        never = host.function("never")
        assert ("failed", "import") == (never["state"], never["failedStep"])
        assert host.deploy("never", HELLO.format(name="never", word="now"))["ok"]
        assert (200, "now") == host.get("never", "/word")


def test_a_worker_over_its_memory_is_replaced_by_exactly_one():
    greedy = HELLO.format(name="one", word="x").replace('return "x"', 'held.append(b"x" * 60_000_000); return "x"')
    greedy = greedy.replace("@get", "held = []\n\n\n@get").replace("smoke=", "memory_mib=150, smoke=")
    with running_host({"one": greedy}) as host:
        (first,) = host.function("one")["workers"]
        for _ in range(3):
            assert (200, "x") == host.get("one", "/word")
        host.wait_until(lambda: host.function("one")["workers"] not in ([], [first]))
        host.wait_until(lambda: not psutil.pid_exists(first))
        assert 1 == len(host.function("one")["workers"])
        assert 1 == host.function("one")["restarts"]
