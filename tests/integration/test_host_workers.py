"""Several workers of one function behind one socket."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.parts.commands import Operated
from tests.parts.hosts import HELLO, RunningHost, running_host

PID = HELLO.replace('return "{word}"', 'return str(__import__("os").getpid())').replace(
    "smoke=(", "workers=3,\n    smoke=("
)


def who_answers(host: RunningHost, requests: int = 60) -> set[int]:
    """Over connections of their own, several at a time, as nginx opens them."""

    def ask(_: int) -> int:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(host.run / "one.sock"))) as client:
            return int(client.get("http://function/word").text)

    with ThreadPoolExecutor(8) as threads:
        return set(threads.map(ask, range(requests)))


def test_the_number_of_the_manifest_is_started_and_they_share_the_socket():
    with running_host({"one": PID.format(name="one", word="")}) as host:
        state = host.function("one")
        assert (3, 3) == (len(state["workers"]), state["workersWanted"])
        assert who_answers(host) <= {*state["workers"]}
        assert 1 < len(who_answers(host))
        row = next(row for row in Operated(host).json("list") if row["name"] == "one")
        assert (3, 3, 128) == (len(row["workers"]), row["workersWanted"], row["concurrencyLimit"])
        assert "3/3" in Operated(host).edge("list").stdout


def test_a_killed_one_is_replaced_and_the_others_answer_meanwhile():
    with running_host({"one": PID.format(name="one", word="")}) as host:
        before = {*host.function("one")["workers"]}
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        host.wait_until(lambda: killed not in (now := {*host.function("one")["workers"]}) and len(now) == 3)
        assert before - {killed} < {*host.function("one")["workers"]}


def test_the_setting_is_over_the_manifest_and_a_deploy_ends_all_of_the_release_before():
    with running_host({"one": PID.format(name="one", word="")}, "--workers", "one=2,two=4") as host:
        before = {*host.function("one")["workers"]}
        assert 2 == len(before)
        assert host.deploy("one", PID.format(name="one", word="again") + "\nNEW = 1\n")["ok"]
        host.wait_until(lambda: not before & host.family())
        assert 2 == len(host.function("one")["workers"])


FIRST_ONLY = """
import os, pathlib
try:
    os.mkdir(pathlib.Path(__file__).parents[4] / "first")
except FileExistsError:
    raise RuntimeError("only one of us comes up")
"""


def test_a_release_of_which_not_all_workers_come_up_is_refused_and_leaves_none():
    with running_host({"one": HELLO.format(name="one", word="good")}) as host:
        before = host.function("one")["workers"]
        answer = host.deploy("one", FIRST_ONLY + PID.format(name="one", word=""))
        assert ("import", False) == (answer["step"], answer["ok"])
        assert "only one of us" in answer["reason"]
        assert before == host.function("one")["workers"]
        host.wait_until(lambda: len(host.family()) == 3)  # the host, its zygote, the worker
