"""`edge remove`, and what the gate refuses: names of others, routes of others."""

import json
import threading
from collections.abc import Iterator

import pytest

from tests.parts.commands import Operated, operated
from tests.parts.hosts import HELLO

WORKING = HELLO.replace(
    "async def word() -> str:", "async def word() -> str:\n    import asyncio; await asyncio.sleep(1)"
)


@pytest.fixture(scope="module")
def place() -> Iterator[Operated]:
    with operated() as running:
        yield running


def test_a_removed_function_loses_its_socket_and_keeps_its_history(place: Operated):
    place.write("gone")
    assert 0 == place.edge("deploy", "gone").returncode
    workers = {*place.host.function("gone")["workers"]}
    done = place.edge("remove", "gone")
    assert (0, "") == (done.returncode, done.stderr)
    assert "edge rollback gone" in done.stdout
    assert not (place.host.run / "gone.sock").exists()
    place.host.wait_until(lambda: not workers & place.host.family())
    place.host.wait_until(lambda: [] == list(place.host.run.glob("gone.*.sock")))
    assert ["removed", "active"] == [entry["event"] for entry in place.json("history", "gone")]
    assert "edge remove" in place.json("history", "gone")[0]["by"]
    place.host.wait_until(lambda: "not deployed" in place.edge("list").stdout)


@pytest.mark.parametrize("verb", ["deploy", "rollback"])
def test_a_deploy_that_names_it_and_a_rollback_bring_it_back(place: Operated, verb: str):
    name = f"back_{verb}"
    place.write(name, "again")
    assert 0 == place.edge("deploy", name).returncode
    assert 0 == place.edge("remove", name).returncode
    plan = place.json("deploy", "--dry-run")
    assert name in plan["removed"]
    assert name not in plan["notDeployed"]
    done = place.edge(verb, name)
    assert 0 == done.returncode, done.stderr
    assert (200, "again") == place.host.get(name, "/word")
    assert name not in place.json("deploy", "--dry-run")["removed"]


def test_what_is_not_served_is_not_invoked_and_that_is_told_by_the_status(place: Operated):
    place.write("away")
    assert 0 == place.edge("deploy", "away").returncode
    assert 0 == place.edge("remove", "away").returncode
    done = place.edge("invoke", "away")
    assert (4, True) == (done.returncode, "away is not served" in done.stderr)


def test_what_it_has_begun_is_finished(place: Operated):
    (place.tree / "functions" / "slow.py").write_text(WORKING.format(name="slow", word="done"))
    assert 0 == place.edge("deploy", "slow").returncode
    answers: list[tuple[int, str]] = []
    asking = threading.Thread(target=lambda: answers.append(place.host.get("slow", "/word")))
    asking.start()
    place.host.wait_until(lambda: place.host.function("slow")["inFlight"] == 1)
    assert 0 == place.edge("remove", "slow").returncode
    asking.join()
    assert [(200, "done")] == answers


def test_a_restarted_host_does_not_bring_it_back():
    with operated({"one": HELLO.format(name="one", word="x"), "two": HELLO.format(name="two", word="y")}) as own:
        assert 0 == own.edge("remove", "one").returncode
        own.host.process.kill()
        own.host.process.wait()
        own.host.start()
        own.host.wait_until(lambda: own.host.function("two")["state"] == "serving")
        assert [{"two"}] == [{row["name"] for row in own.json("list") if row["state"] == "serving"}]
        assert not (own.host.run / "one.sock").exists()
        assert 2 == own.edge("remove", "one").returncode


def test_one_that_is_being_deployed_again_while_its_last_workers_leave_is_not_forgotten(place: Operated):
    slow = "import time\ntime.sleep(3)\n"  # past the second after which the host forgets what is gone
    place.write("returns")
    assert 0 == place.edge("deploy", "returns").returncode
    source = place.tree / "functions" / "returns.py"
    source.write_text(slow + source.read_text())
    assert 0 == place.edge("remove", "returns").returncode
    assert 0 == place.edge("deploy", "returns").returncode
    assert "serving" == place.host.function("returns")["state"]
    assert 200 == place.host.get("returns", "/word")[0]


def test_a_function_that_left_the_tree_is_told_with_what_takes_it_away(place: Operated):
    place.write("left")
    assert 0 == place.edge("deploy", "left").returncode
    (place.tree / "functions" / "left.py").unlink()
    assert "edge remove NAME" in place.edge("deploy", "--dry-run").stdout
    assert {"function": "left", "removed": place.host.journal.entries("left")[-1].release} == place.json(
        "remove", "left"
    )
    assert [] == place.json("deploy", "--dry-run")["gone"]


def test_a_function_that_is_not_there_is_wrong_usage(place: Operated):
    assert 2 == place.edge("remove", "nobody").returncode


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("host", "taken by another part"),
        ("model", "taken by another part"),
        ("workers", "taken by another part"),
        ("supervisor", "taken by another part"),
        ("upkeep", "taken by another part"),
        ("a_name_that_is_too_long", "longer than the 18 characters"),
        ("Capitals", "is no name of a function"),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_the_gate_and_by_new(place: Operated, name: str, reason: str):
    place.write(name)
    try:
        refused = place.json("deploy", name)["failed"]
        assert ("name", True) == (refused["step"], reason in refused["reason"])
        assert 3 == place.edge("deploy", name).returncode
    finally:
        (place.tree / "functions" / f"{name}.py").unlink()
    told = place.edge("new", name)
    assert (2, True) == (told.returncode, reason in " ".join(told.stderr.replace("│", " ").split())), told.stderr


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/owned/{id}", "/owned/{id} belongs to owner"),
        ("/docs/other", "none that a function may claim"),
        ("/metrics/other", "none that a function may claim"),
    ],
)
def test_a_route_that_is_anothers_is_refused_before_the_flip(place: Operated, path: str, reason: str):
    owner = place.write("owner").replace('Route("GET", "/owner/word")', 'Route("GET", "/owned/{number}")')
    (place.tree / "functions" / "owner.py").write_text(owner)
    assert 0 == place.edge("deploy", "owner").returncode
    claimer = place.write("claimer").replace('Route("GET", "/claimer/word")', f'Route("POST", "{path}")')
    (place.tree / "functions" / "claimer.py").write_text(claimer)
    done = place.edge("deploy", "claimer", "--json")
    failed = json.loads(done.stdout)["failed"]
    assert (3, "routes") == (done.returncode, failed["step"])
    assert reason in failed["reason"]
    assert not (place.host.run / "claimer.sock").exists()


def test_one_that_does_not_come_up_can_be_removed_too():
    with operated({"one": HELLO.format(name="one", word="x")}) as own:
        own.host.process.kill()
        own.host.process.wait()
        release = own.host.journal.active("one")
        (own.host.store.get("one", release).folder / "functions" / "one.py").unlink()
        own.host.start()
        own.host.wait_until(lambda: own.host.function("one")["state"] == "failed")
        assert 0 == own.edge("remove", "one").returncode
        assert own.host.journal.is_removed("one")
        own.host.wait_until(lambda: "one" not in {row["name"] for row in own.json("list") if row["state"] == "failed"})
