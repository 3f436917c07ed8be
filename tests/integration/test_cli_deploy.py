"""`edge deploy` and `edge rollback` against a real host: what is deployed, what is said, what is exited with."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.host import control
from tests.parts.commands import Following, Operated, environ_of, run_edge
from tests.parts.hosts import HELLO, ROOT, RunningHost, running_host
from tests.parts.stack import EDGE

# A function without our core.
BARE = """
from litestar import Litestar, get
{first}

FUNCTION = {{"name": "{name}", "routes": [], "smoke": [], "memory_mib": 256, "timeout_s": 10.0, "concurrency": 8}}


@get("/word")
async def word() -> str:
    return WORD


def create_app() -> Litestar:
    return Litestar([word], logging_config=None)
"""


@pytest.fixture(scope="module")
def host() -> Iterator[RunningHost]:
    with running_host() as host:
        yield host


@pytest.fixture
def place(host: RunningHost, tmp_path: Path) -> Operated:
    """A tree of the test's own on a host that tests share: its functions' names are its own, too."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "__init__.py").touch()
    (tmp_path / "core").symlink_to(ROOT / "core")
    return Operated(host, tmp_path)


def deployed(place: Operated, *names: str) -> None:
    """Deploy functions that say their names."""
    for name in names:
        place.write(name, f"I am {name}")
    done = place.edge("deploy", *names)
    assert 0 == done.returncode, done.stderr


def test_without_a_name_what_changed_is_deployed_and_nothing_else(place: Operated):
    deployed(place, "changed", "unchanged")
    before = place.host.function("unchanged")["generation"]
    place.write("changed", "new")
    done = place.edge("deploy")
    assert 0 == done.returncode, done.stderr
    assert "changed  functions/changed.py  touches changed" in done.stdout
    assert (200, "new") == place.host.get("changed", "/word")
    assert before == place.host.function("unchanged")["generation"]
    again = place.edge("deploy")
    assert (0, "nothing changed since the active releases") == (again.returncode, again.stdout.splitlines()[-1])


def test_a_function_that_does_not_serve_is_deployed_although_nothing_changed(place: Operated, tmp_path: Path):
    broken = tmp_path / "broken"
    source = place.write("down")
    needy = f"from pathlib import Path\n\nassert not Path({str(broken)!r}).exists()\n{source}"
    (place.tree / "functions" / "down.py").write_text(needy)
    assert 0 == place.edge("deploy").returncode
    broken.touch()
    os.kill(place.host.function("down")["workers"][0], signal.SIGKILL)
    place.host.wait_until(lambda: place.host.function("down")["state"] == "starting")
    planned = place.json("deploy", "--dry-run")
    assert (["down"], ["down"]) == (planned["down"], planned["notDeployed"])
    refused = place.edge("deploy")
    assert (3, "down     down: no worker serves") == (refused.returncode, refused.stdout.splitlines()[0])
    broken.unlink()
    assert "nothing changed" not in place.edge("deploy", "down").stdout
    assert (200, "hello") == place.host.get("down", "/word")
    assert "nothing changed" in place.edge("deploy").stdout


def test_each_step_is_shown_with_its_time_and_then_the_release(place: Operated):
    place.write("stepwise")
    shown = place.edge("deploy", "stepwise").stdout
    assert "new      stepwise" in shown
    line = next(line for line in shown.splitlines() if line.startswith("stepwise  "))
    assert ["snapshot", "start", "smoke", "flip", "serving"] == [part.split()[0] for part in line.split("  ")[1:]]
    assert line.endswith(f"serving {place.host.function('stepwise')['release']}")


def test_all_gives_every_function_fresh_workers(place: Operated):
    deployed(place, "first", "second")
    before = {name: place.host.function(name) for name in ("first", "second")}
    done = place.json("deploy", "--all")
    assert ["first", "second"] == [rollout["function"] for rollout in done["deployed"]]
    for name, state in before.items():
        after = place.host.function(name)
        assert state["release"] == after["release"]
        assert state["workers"] != after["workers"]


def test_a_change_in_core_names_the_functions_that_it_touches(place: Operated):
    (place.tree / "core").unlink()
    (place.tree / "core").mkdir()
    (place.tree / "core" / "__init__.py").touch()
    (place.tree / "core" / "shared.py").write_text("WORD = 'old'\n")
    for name in ("uses", "uses_too", "without"):
        source = BARE.format(name=name, first="WORD = 'own'" if name == "without" else "from core.shared import WORD")
        (place.tree / "functions" / f"{name}.py").write_text(source)
    assert 0 == place.edge("deploy").returncode
    (place.tree / "core" / "shared.py").write_text("WORD = 'new'\n")
    planned = place.json("deploy", "--dry-run")
    assert [{"path": "core/shared.py", "touches": ["uses", "uses_too"]}] == planned["changed"]
    assert ["uses", "uses_too"] == planned["notDeployed"]
    assert "changed  core/shared.py  touches uses, uses_too" in place.edge("deploy").stdout
    assert ["new", "new", "own"] == [place.host.get(name, "/word")[1] for name in ("uses", "uses_too", "without")]


def test_a_dry_run_writes_nothing_and_needs_no_host(root: Path, tmp_path: Path):
    home = tmp_path / "home"
    done = run_edge([str(EDGE), "deploy", "--dry-run", "--root", str(root)], environ_of(home))
    assert (0, "would deploy one, two") == (done.returncode, done.stdout.splitlines()[-1])
    assert not home.exists()


def test_the_first_refusal_ends_the_command_and_says_what_has_the_new_code_and_what_has_not(place: Operated):
    deployed(place, "fallen")
    for name in ("early", "zealous"):
        place.write(name)
    broken = 'print("before the fall", flush=True)\nimport nothing_of_this_name\n'
    (place.tree / "functions" / "fallen.py").write_text(broken)
    done = place.edge("deploy")
    assert 3 == done.returncode
    for told in (
        "fallen: import failed",
        "ModuleNotFoundError: No module named 'nothing_of_this_name'",
        "  before the fall",
        f"fallen goes on with release {place.host.function('fallen')['release']}",
        "deployed: early; not deployed: fallen, zealous",
    ):
        assert told in done.stderr
    assert (200, "I am fallen") == place.host.get("fallen", "/word")
    assert "zealous" not in {state["name"] for state in place.json("list") if state["release"]}


def test_a_deploy_during_an_upgrade_of_the_host_tells_of_no_outage():
    with running_host({"calm": HELLO.format(name="calm", word="x")}, lifeline=True) as host:
        place, serving = Operated(host), host.function("calm")["release"]
        place.write("calm", "new")
        with subprocess.Popen(["sleep", "60"]) as successor:
            assert control.ask(host.run, {"op": "yield", "to": successor.pid})["ok"]
            done = place.edge("deploy", "calm")
            successor.kill()
    assert 3 == done.returncode
    assert f"calm goes on with release {serving}" in done.stderr
    assert "the host is being upgraded" in done.stderr
    assert "logged" not in done.stderr
    assert ".log" not in done.stderr


def test_an_interrupted_deploy_says_that_the_host_goes_on_and_how_to_see_it(place: Operated):
    slow = f"import time\n\ntime.sleep(2)\n{place.write('patient')}"
    (place.tree / "functions" / "patient.py").write_text(slow)
    with Following(place.command("deploy", "patient"), place.environ) as command:
        command.wait_for("start")
        assert 1 == command.end(signal.SIGINT)
    assert "  interrupted" in command.output
    assert "the host goes on with it" in command.output
    assert "`edge history patient`" in command.output
    place.host.wait_until(lambda: place.host.function("patient")["state"] == "serving")


def test_a_refusal_in_json_holds_step_reason_and_the_release_that_serves_on(place: Operated):
    deployed(place, "liar")
    serving = place.host.function("liar")["release"]
    lying = place.write("liar").replace('smoke=(Smoke("GET", "/word")', 'smoke=(Smoke("GET", "/other")')
    (place.tree / "functions" / "liar.py").write_text(lying)
    done = place.edge("deploy", "--json", "liar")
    found = json.loads(done.stdout)
    assert (3, False, [], ["liar"]) == (done.returncode, found["ok"], found["deployed"], found["notDeployed"])
    failed = found["failed"]
    assert ("liar", "smoke", serving) == (failed["function"], failed["step"], failed["serving"])
    assert "expected 200, got 404" in failed["reason"]


@pytest.mark.parametrize(
    "arguments",
    [("deploy", "nothing"), ("deploy", "one", "--all"), ("rollback", "nothing"), ("rollback", "one", "ffffffff")],
    ids=" ".join,
)
def test_wrong_usage_has_a_status_of_its_own_and_writes_nothing(place: Operated, arguments: tuple[str, ...]):
    place.write("one")
    assert 2 == place.edge(*arguments).returncode
    assert () == place.host.store.list("one")


@pytest.mark.parametrize(
    "arguments", [("deploy",), ("list",), ("invoke", "one", "--path", "/word", "--method", "GET")], ids=" ".join
)
def test_without_a_host_the_status_is_4_and_it_says_so(root: Path, tmp_path: Path, arguments: tuple[str, ...]):
    done = run_edge([str(EDGE), arguments[0], "--root", str(root), *arguments[1:]], environ_of(tmp_path / "home"))
    assert 4 == done.returncode
    assert str(tmp_path / "home") in done.stderr


def test_a_rollback_goes_to_the_release_before_and_the_next_one_further(place: Operated):
    deployed(place, "back")
    first = place.host.function("back")["release"]
    for word in ("second", "third"):
        place.write("back", word)
        assert 0 == place.edge("deploy").returncode
    assert 0 == place.edge("rollback", "back").returncode
    assert (200, "second") == place.host.get("back", "/word")
    assert 0 == place.edge("rollback", "back").returncode
    assert first == place.host.function("back")["release"]
    done = place.edge("rollback", "back")
    assert (1, True) == (done.returncode, "no release to go back to" in done.stderr)


def test_a_rollback_goes_to_a_release_by_the_start_of_its_id_forward_too(place: Operated):
    deployed(place, "forward")
    place.write("forward", "second")
    second = place.json("deploy", "forward")["deployed"][0]["release"]
    assert 0 == place.edge("rollback", "forward").returncode
    done = place.json("rollback", "forward", second[:6])
    assert (True, second) == (done["ok"], done["serving"])
    assert (200, "second") == place.host.get("forward", "/word")
    assert place.host.journal.previous("forward") is not None


def test_releases_that_never_served_push_out_none_that_did(place: Operated):
    words = ("first", "second", "third")
    for word in words:
        place.write("refusing", word)
        assert 0 == place.edge("deploy", "refusing", EDGE_RELEASES_KEPT="3").returncode
        if word == "second":
            for number in range(4):
                (place.tree / "functions" / "refusing.py").write_text(f"assert {number} < 0\n")
                assert 3 == place.edge("deploy", "refusing").returncode
    for word in reversed(words[:-1]):
        assert 0 == place.edge("rollback", "refusing").returncode
        assert (200, word) == place.host.get("refusing", "/word")


def test_a_deploy_without_a_name_leaves_alone_what_was_rolled_back_from_and_says_so(place: Operated):
    deployed(place, "left")
    place.write("left", "bad")
    bad = place.json("deploy", "left")["deployed"][0]["release"]
    assert 0 == place.edge("rollback", "left").returncode
    assert f"{bad} left by edge rollback" in place.edge("list").stdout
    done = place.edge("deploy")
    assert 0 == done.returncode
    assert f"left     left: the tree's release {bad} was left by edge rollback" in done.stdout
    assert "`edge deploy left` deploys it all the same" in done.stdout
    assert (200, "I am left") == place.host.get("left", "/word")
    place.write("left", "mended")
    assert 0 == place.edge("deploy").returncode
    assert (200, "mended") == place.host.get("left", "/word")
    assert [None] == [row["left"] for row in place.json("list") if row["name"] == "left"]


@pytest.mark.parametrize("arguments", [("watched",), ("--all",)], ids=" ".join)
def test_what_the_watch_took_back_comes_again_by_its_name_or_with_all(place: Operated, arguments: tuple[str, ...]):
    deployed(place, "watched")
    good = place.host.function("watched")["release"]
    place.write("watched", "bad")
    bad = place.json("deploy", "watched")["deployed"][0]["release"]
    assert 0 == place.edge("rollback", "watched", good).returncode
    place.host.journal.append("watched", "failed", by="host", release=bad, step="watch", reason="errors 100%")
    planned = place.json("deploy", "--dry-run")
    assert ({"watched": f"{bad} was taken back by host: errors 100%"}, []) == (planned["left"], planned["notDeployed"])
    assert 0 == place.edge("deploy", *arguments).returncode
    assert (200, "bad") == place.host.get("watched", "/word")


def test_old_releases_are_collected_but_not_the_active_one_and_the_one_before(place: Operated):
    deployed(place, "kept")
    store, journal = place.host.store, place.host.journal
    first = journal.active("kept")
    for word in ("second", "third"):
        place.write("kept", word)
        # What still answers is not collected either.
        place.host.wait_until(lambda: not place.host.function("kept")["draining"])
        assert 0 == place.edge("deploy", "kept", EDGE_RELEASES_KEPT="1").returncode
    assert [journal.active("kept"), journal.previous("kept")] == [release.id for release in store.list("kept")]
    assert [first] == [entry.release for entry in journal.entries("kept") if entry.event == "collected"]
    assert 0 == place.edge("rollback", "kept").returncode
    assert (200, "second") == place.host.get("kept", "/word")


def test_a_function_that_has_had_one_release_has_nothing_to_go_back_to_and_is_told_why(place: Operated):
    deployed(place, "single")
    done = place.edge("rollback", "single")
    release = place.host.function("single")["release"]
    assert (1, True) == (done.returncode, f"{release} is the only one that ever served" in done.stderr)
