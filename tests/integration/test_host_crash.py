"""A host killed with 9 at any instant of a deploy: the old release serves or the new one, and nothing stays behind."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from ops.host import control
from tests.parts.hosts import HELLO, RunningHost, running_host

# A host that kills itself at the n-th thing that it asks of the kernel once the file `arm` holds n: what it changes in
# the file system, sockets, and processes it starts. SIGUSR2 tells it to read the file.
KILLED_AT_STEP = """
import os, signal, sys
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
STEPS = ("os.rename", "os.remove", "os.symlink", "os.chmod", "os.truncate", "socket.", "subprocess.", "fcntl.flock")
left = []


def step(event, arguments):
    if left and (event.startswith(STEPS) or (event == "open" and (arguments[2] or 0) & WRITING)):
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(_signum, _frame):
    left[:] = [int(Path(os.environ["ARM"]).read_text())]


sys.addaudithook(step)
signal.signal(signal.SIGUSR2, arm)
from ops.host.__main__ import main

main()
"""
WORDS = ("left", "right")


class Visitor:
    """Asks the function without a pause, over a new connection each time as nginx does; `answers` counts them."""

    def __init__(self, host: RunningHost) -> None:
        self.answers = 0
        self.wrong: list[object] = []
        self._host = host
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while not self._stopped.wait(0.01):
            try:
                status, word = self._host.get("one", "/word")
            except OSError as error:
                self.wrong.append(error)
            else:
                self.answers += 1
                if status != 200 or word not in WORDS:
                    self.wrong.append((status, word))

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


@pytest.fixture
def visited() -> Iterator[tuple[RunningHost, Visitor]]:
    """A host with a lifeline, as `edge up` starts it, and a visitor who must never be turned away."""
    with running_host({"one": source(0)}, "--drain-s", "5", lifeline=True) as host:
        visitor = Visitor(host)
        try:
            yield host, visitor
        finally:
            visitor.stop()
        assert [] == visitor.wrong
        assert visitor.answers > 0


def source(version: int) -> str:
    return HELLO.format(name="one", word=WORDS[version % 2]) + f"\n\nVERSION = {version}\n"


def ask_for(host: RunningHost, release: str) -> dict | None:
    """Deploy; None when the host died meanwhile."""
    with contextlib.suppress(OSError):
        return control.ask(host.run, {"op": "deploy", "name": "one", "release": release, "by": "test"}, timeout_s=60)
    return None


def restart(host: RunningHost, allowed: set[str]) -> str:
    """Start the host again and hold it to what a crash may leave; returns the release that serves.

    It is the one that the killed host had written down last: a switch that was recorded is never taken back, nor one
    begun that was not.
    """
    host.process.wait(10)
    recorded = host.journal.active("one")
    assert recorded in allowed
    host.start()
    host.wait_until(lambda: host.function("one")["state"] == "serving")
    state = host.function("one")
    assert recorded == state["release"] == host.journal.active("one")
    assert 1 == len(state["workers"])
    zygote = control.ask(host.run, {"op": "status"})["zygote"]
    host.wait_until(lambda: host.family() == {host.process.pid, zygote, *state["workers"]})
    host.wait_until(lambda: [f"one.{state['generation']}.sock"] == [path.name for path in host.run.glob("one.*.sock")])
    assert state["workers"] == host.function("one")["workers"]
    return state["release"]


@pytest.mark.timeout(400)
def test_killed_at_every_step_of_a_deploy_it_leaves_the_old_release_or_the_new_one_and_answers_meanwhile(
    visited: tuple[RunningHost, Visitor],
):
    host, visitor = visited
    host.environ["ARM"] = str(host.run / "arm")
    host.program = ("-c", KILLED_AT_STEP)
    host.process.kill()
    serving = restart(host, {host.journal.active("one")})
    outcomes = []
    for step in range(1, 100):
        release = host.write("one", source(step))
        (host.run / "arm").write_text(str(step))
        host.process.send_signal(signal.SIGUSR2)
        answer = ask_for(host, release)
        if answer is not None:
            assert answer["ok"], answer
            break
        before = visitor.answers
        host.wait_until(lambda before=before: visitor.answers > before)  # without a host
        serving, was = restart(host, {serving, release}), serving
        outcomes.append(serving != was)
    # It was killed before the switch and after it. How many steps lead there is not the same in every round: the host
    # tries the worker's socket until it answers.
    assert {False, True} == set(outcomes)
    assert len(outcomes) >= 10


def test_killed_at_random_instants_around_the_switch(visited: tuple[RunningHost, Visitor]):
    host, _ = visited
    serving = host.journal.active("one")
    began = time.monotonic()
    assert ask_for(host, host.write("one", source(1)))["ok"]
    usual_s = time.monotonic() - began
    serving = host.journal.active("one")
    chance = random.Random(4)
    for round_number in range(2, 6):
        release = host.write("one", source(round_number))
        killer = threading.Timer(usual_s * chance.uniform(0.3, 1.3), host.process.kill)
        killer.start()
        ask_for(host, release)
        killer.join()
        serving = restart(host, {serving, release})


BLOCKS = {
    "import": lambda text, fifo: text.replace("FUNCTION =", f"open({fifo!r}).read()\nFUNCTION =", 1),
    "lifespan": lambda text, fifo: text.replace("[word]", f"[word], on_startup=[lambda: open({fifo!r}).read()]"),
    "smoke": lambda text, fifo: text.replace("return", f"open({fifo!r}).read()\n    return", 1),
}


@pytest.mark.parametrize("step", BLOCKS)
def test_killed_while_a_release_blocks_at_its_gate_the_release_before_serves_and_the_blocked_one_ends(
    visited: tuple[RunningHost, Visitor], step: str
):
    host, visitor = visited
    before = host.function("one")
    fifo = host.run / "fifo"
    os.mkfifo(fifo)
    release = host.write("one", BLOCKS[step](source(1), str(fifo)))
    asking = threading.Thread(target=ask_for, args=(host, release))
    asking.start()
    held: list[int] = []
    host.wait_until(lambda: held.extend(opened(fifo)) or held)
    host.process.kill()
    asking.join()
    answered = visitor.answers
    host.wait_until(lambda: visitor.answers > answered)
    assert before["release"] == restart(host, {before["release"]})
    os.close(held[0])


def opened(fifo) -> list[int]:
    """The writing end, once somebody waits at the reading one."""
    with contextlib.suppress(OSError):
        return [os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)]
    return []


def test_killed_during_a_first_deploy_it_leaves_no_trace_of_the_function():
    blocking = BLOCKS["smoke"](source(0), "/dev/null").replace(
        "open('/dev/null').read()", "import time; time.sleep(60)"
    )
    with running_host({}, lifeline=True) as host:
        release = host.write("one", blocking)
        asking = threading.Thread(target=ask_for, args=(host, release))
        asking.start()
        host.wait_until(lambda: list(host.run.glob("workers/one.1.*")))
        host.wait_until((host.run / "one.1.sock").exists)
        host.process.kill()
        host.process.wait()
        asking.join()
        host.start()
        host.wait_until(lambda: host.family() == {host.process.pid})
        assert None is host.journal.active("one")
        assert not (host.run / "one.sock").exists()


def test_a_host_starts_over_files_in_its_folders_that_are_not_its_own():
    with running_host({"one": source(0)}) as host:
        host.process.terminate()
        host.process.wait(20)
        (host.run / "journal/one.bak.jsonl").write_text("?")
        (host.run / "workers/notes").touch()
        (host.run / "one.old.sock").touch()
        host.start()
        host.wait_until(lambda: host.function("one")["state"] == "serving")
        assert "not read in the folder of journals: one.bak.jsonl" in host.log()


def test_what_serves_goes_on_when_the_journal_that_named_it_is_damaged(visited: tuple[RunningHost, Visitor]):
    host, visitor = visited
    old, (worker,) = host.journal.active("one"), host.function("one")["workers"]
    release = host.write("one", source(1))
    assert ask_for(host, release)["ok"]
    host.wait_until(lambda: worker not in host.family())
    (worker,) = host.function("one")["workers"]
    host.process.kill()
    host.process.wait(10)
    path = host.run / "journal/one.jsonl"
    path.write_bytes(path.read_bytes()[:-20] + b"?" * 19 + b"\n")
    assert old == host.journal.active("one")
    host.start()
    host.wait_until(lambda: host.function("one")["failedStep"] == "journal")
    answered = visitor.answers
    host.wait_until(lambda: visitor.answers > answered + 10)
    assert worker in host.family()
    assert ask_for(host, release)["ok"]
    host.wait_until(lambda: worker not in host.family())
    assert release == host.journal.active("one") == host.function("one")["release"]
