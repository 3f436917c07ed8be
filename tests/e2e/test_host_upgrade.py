"""`edge host upgrade` under traffic through nginx: it loses nothing, whoever is killed on the way."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from ops.host import control
from ops.stack.folders import Folders
from ops.stack.requests import SOCKET_NAME
from tests.parts.stack import RunningStack, running_stack

QUESTIONS = ("how much is a beard trim?", "when are you open?", "do you cut hair of children?")

KILLED_AT_FLIP = """
import os, signal, sys
left = [int(os.environ["COUNT"])]


def count(event, arguments):
    if (event == "os.symlink" and str(arguments[1]).endswith(".flip")) or (
        event == "os.rename" and str(arguments[0]).endswith(".flip")
    ):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(count)
from ops.host.__main__ import main

main()
"""


class Traffic:
    """Searches and looks at the health without a pause, each on a connection that is kept; `failed` must stay empty."""

    def __init__(self, stack: RunningStack) -> None:
        self.answered = 0
        self.failed: list[object] = []
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(stack, number)) for number in range(3)]
        for thread in self._threads:
            thread.start()

    def _ask(self, stack: RunningStack, number: int) -> None:
        with stack.client() as client:
            while not self._stopped.wait(0.02):
                try:
                    if number % 2:
                        body = {"query": QUESTIONS[self.answered % len(QUESTIONS)], "shopId": 1}
                        answer = client.post("/api/knowledge/search", json=body)
                    else:
                        answer = client.get("/api/health")
                except httpx.HTTPError as error:
                    self.failed.append(error)
                    continue
                if answer.status_code != 200:
                    self.failed.append((answer.status_code, answer.text))
                self.answered += 1

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture(scope="module")
def own() -> Iterator[RunningStack]:
    with running_stack() as running:
        yield running


@pytest.fixture
def traffic(own: RunningStack) -> Iterator[Traffic]:
    running = Traffic(own)
    try:
        yield running
    finally:
        running.stop()
    assert [] == running.failed
    assert running.answered > 10


def run_folder(stack: RunningStack) -> Path:
    return Folders(stack.home).run


def status(stack: RunningStack) -> dict:
    return control.ask(run_folder(stack), {"op": "status"})


def hosts(stack: RunningStack) -> set[int]:
    """Host processes of this stack, also those that only wait to be collected."""
    found = set()
    for child in psutil.Process(stack.process.pid).children():
        with suppress(psutil.Error):
            if "ops.host" in child.cmdline():
                found.add(child.pid)
    return found


def wait_until(condition, timeout_s: float = 40.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)


def script(folder: Path, line: str) -> Path:
    """An interpreter of the test's own."""
    python = folder / "python"
    python.write_text(f"#!/bin/sh\n{line}\n")
    python.chmod(0o755)
    return python


def recorded(stack: RunningStack) -> set[int]:
    """Workers of any host that have left their record."""
    return {int(path.name.rsplit(".", 1)[1]) for path in (run_folder(stack) / "workers").glob("[!.]*")}


def is_whole(stack: RunningStack) -> bool:
    """One host, which serves every function with as many workers as there are to be; none of another host is left."""
    with suppress(OSError):
        found = status(stack)
        functions = found["functions"]
        return (
            {found["pid"]} == hosts(stack)
            and {"health", "learn", "search"} <= {function["name"] for function in functions}
            and all(function["state"] == "serving" and len(function["workers"]) == 1 for function in functions)
            and recorded(stack) == {pid for function in functions for pid in function["workers"]}
        )
    return False


def test_upgrades_under_traffic_lose_nothing_and_leave_one_host(own: RunningStack, traffic: Traffic):
    before = status(own)
    for _ in range(2):
        asked = traffic.answered
        done = own.edge("host", "upgrade", "--json")
        assert 0 == done.returncode, done.stdout + done.stderr
        wait_until(lambda asked=asked: traffic.answered > asked + 50)
    wait_until(lambda: is_whole(own))
    after = status(own)
    assert before["pid"] != after["pid"] == json.loads(done.stdout)["pid"]
    for old, new in zip(before["functions"], after["functions"], strict=True):
        assert (old["name"], old["release"]) == (new["name"], new["release"])
        assert set() == {*old["workers"]} & {*new["workers"]}
        assert new["generation"] > old["generation"]
    wait_until(lambda: own.pid_of("host") == after["pid"])
    assert 0 == next(row["restarts"] for row in own.state()["parts"] if row["name"] == "host")


@pytest.mark.usefixtures("traffic")
def test_a_new_host_that_does_not_start_leaves_the_one_before_serving_and_says_why(own: RunningStack, tmp_path: Path):
    before = status(own)
    broken = script(tmp_path, "echo no such library; exit 7")
    done = own.edge("host", "upgrade", "--python", str(broken))
    assert 3 == done.returncode
    assert "ended (7)" in done.stderr
    assert "no such library" in done.stderr
    assert "serves on" in done.stderr
    assert before["pid"] == status(own)["pid"]
    assert [one["workers"] for one in before["functions"]] == [one["workers"] for one in status(own)["functions"]]


@pytest.mark.usefixtures("traffic")
def test_a_function_that_does_not_come_up_in_the_new_host_keeps_all_where_they_are(own: RunningStack, tmp_path: Path):
    """As when a new version of a library breaks one function: its zygote finds another `cachetools` first."""
    before = status(own)
    (tmp_path / "cachetools.py").write_text("TTLCache = None\n")
    python = script(tmp_path, f'PYTHONPATH="{tmp_path}" exec {sys.executable} "$@"')
    done = own.edge("host", "upgrade", "--python", str(python), "--json")
    answer = json.loads(done.stdout)
    assert (3, False, "import") == (done.returncode, answer["ok"], answer["step"])
    assert "cachetools" in answer["reason"]
    assert before["pid"] == status(own)["pid"]
    wait_until(lambda: is_whole(own))
    assert own.edge("deploy", "health").returncode == 0  # it holds still no longer


@pytest.mark.parametrize(
    ("step", "victim"), [("gate", "new"), ("leave", "new"), ("gate", "old"), ("flip", "old"), ("leave", "old")]
)
def test_killed_with_9_in_any_step_it_ends_with_one_host_and_every_function_served(
    own: RunningStack, traffic: Traffic, step: str, victim: str
):
    wait_until(lambda: is_whole(own))
    old, serving = status(own)["pid"], recorded(own)

    def kill(message: dict) -> None:
        if message["step"] == step:
            if (step, victim) == ("gate", "new"):  # it has begun to bring up what it is not to leave behind
                wait_until(lambda: recorded(own) - serving)
            pids = {old} if victim == "old" else hosts(own) - {old}
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    control.ask(run_folder(own), {"op": "upgrade"}, timeout_s=60, progress=kill, name=SOCKET_NAME)
    wait_until(lambda: is_whole(own))
    asked = traffic.answered
    wait_until(lambda: traffic.answered > asked + 50)


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_killed_with_9_in_the_middle_of_the_switch_all_come_together_again(
    own: RunningStack, traffic: Traffic, tmp_path: Path, share: float
):
    """The new host kills itself at the n-th symlink or rename: some functions are behind it, the others are not."""
    wait_until(lambda: is_whole(own))
    count = 1 + round(share * (2 * len(status(own)["functions"]) - 1))
    (tmp_path / "killed.py").write_text(KILLED_AT_FLIP)
    python = script(tmp_path, f'shift 2\nCOUNT={count} exec {sys.executable} -c "$(cat {tmp_path}/killed.py)" "$@"')
    done = own.edge("host", "upgrade", "--python", str(python), "--json")
    assert (3, "flip") == (done.returncode, json.loads(done.stdout)["step"]), done.stdout
    wait_until(lambda: is_whole(own))
    asked = traffic.answered
    wait_until(lambda: traffic.answered > asked + 50)


def test_a_second_upgrade_at_the_same_time_and_a_deploy_are_refused_with_the_reason(own: RunningStack):
    wait_until(lambda: is_whole(own))
    seen: list[dict] = []

    def ask_more(message: dict) -> None:
        if message["step"] == "gate" and not seen:
            seen.append(control.ask(run_folder(own), {"op": "upgrade"}, timeout_s=60, name=SOCKET_NAME))
            request = {"op": "deploy", "name": "health", "release": "0", "by": "test"}
            seen.append(control.ask(run_folder(own), request, timeout_s=60))

    answer = control.ask(run_folder(own), {"op": "upgrade"}, timeout_s=60, progress=ask_more, name=SOCKET_NAME)
    assert answer["ok"], answer
    assert "under way" in seen[0]["reason"]
    assert not seen[1]["ok"]
    wait_until(lambda: is_whole(own))


def test_the_interpreter_of_an_upgrade_is_that_of_the_next_one_too(own: RunningStack, tmp_path: Path):
    wait_until(lambda: is_whole(own))
    chosen = script(tmp_path, f'CHOSEN=1 exec {sys.executable} "$@"')
    for command in (("--python", str(chosen)), ()):
        assert 0 == own.edge("host", "upgrade", *command).returncode
        assert b"CHOSEN=1\0" in Path(f"/proc/{status(own)['pid']}/environ").read_bytes()
    assert 0 == own.edge("host", "upgrade", "--python", sys.executable).returncode
    assert b"CHOSEN=1\0" not in Path(f"/proc/{status(own)['pid']}/environ").read_bytes()


def test_the_socket_of_the_supervisor_is_its_users_alone(own: RunningStack):
    assert 0o600 == (run_folder(own) / SOCKET_NAME).stat().st_mode & 0o777
