"""`edge dev` attached to a host: a save is deployed, a broken one changes nothing."""

import json
import os
import shutil
import signal
from collections.abc import Iterator

import pytest

from ops.stack.instance import Instance
from tests.parts.commands import Following, Operated, operated
from tests.parts.hosts import HELLO, ROOT


@pytest.fixture
def place() -> Iterator[Operated]:
    """A host in a home that is held as `edge up` holds it, with `one` deployed and `two` written since."""
    with operated({"one": HELLO.format(name="one", word="old")}) as place:
        instance = Instance(place.home)
        instance.lock()
        instance.state.write_text(json.dumps({"pid": os.getpid()}))
        place.write("two", "new")
        yield place
        instance.close()


def test_a_save_is_served_and_a_broken_one_is_shown_and_changes_nothing(place: Operated):
    with Following(place.command("dev"), place.environ) as session:
        session.wait_for("serving")  # what was written before it began
        assert (200, "new") == place.host.get("two", "/word")
        assert 1 == place.host.function("one")["generation"]

        place.write("two", "newer")
        session.wait_for("two is new")
        assert (200, "newer") == place.host.get("two", "/word")

        (place.tree / "functions" / "two.py").write_text("def create_app(:\n")
        session.wait_for("two goes on with release")
        assert "SyntaxError" in session.output
        assert f'File "{place.tree}/functions/two.py", line 1' in session.output
        assert not any(word in session.output for word in ("importlib", "ops/host", str(place.host.store.folder)))
        assert (200, "newer") == place.host.get("two", "/word")

        place.write("two", "mended")
        place.host.wait_until(lambda: place.host.get("two", "/word") == (200, "mended"))
        assert 1 == place.host.function("one")["generation"]
        assert 0 == session.end(signal.SIGINT)


def test_what_breaks_several_functions_is_told_in_full_once_and_taking_it_back_is_told_too(place: Operated):
    (place.tree / "core").unlink()
    shutil.copytree(ROOT / "core", place.tree / "core", ignore=shutil.ignore_patterns("__pycache__"))
    shared = place.tree / "core" / "shared.py"
    shared.write_text("WORD = 1\n")
    for name in ("one", "two"):
        source = place.write(name, "shared")
        (place.tree / "functions" / f"{name}.py").write_text(f"from core.shared import WORD  # noqa\n{source}")
    with Following(place.command("dev"), place.environ) as session:
        session.wait_for("watching")
        place.host.wait_until(lambda: session.output.count("serving") == 2)
        shared.write_text("WORDS = 1\n")
        session.wait_for("two goes on with release")
        assert 1 == session.output.count("ImportError")
        assert "two: import failed as that of one did" in session.output
        shared.write_text("WORD = 1\n")
        session.wait_for("two is as it is served already")


def test_it_does_not_bring_back_what_was_rolled_back_from_before_it_began(place: Operated):
    place.write("one", "bad")
    assert 0 == place.edge("deploy", "one").returncode
    assert 0 == place.edge("rollback", "one").returncode
    with Following(place.command("dev"), place.environ) as session:
        session.wait_for("a save or `edge deploy one` deploys it")
        assert (200, "old") == place.host.get("one", "/word")
        os.utime(place.tree / "functions" / "one.py")
        session.wait_for("one is new")
        assert (200, "bad") == place.host.get("one", "/word")


def test_it_ends_with_the_stack_that_it_watched(place: Operated):
    with Following(place.command("dev"), place.environ) as session:
        session.wait_for("watching")
        (place.home / "state.json").unlink()
        session.wait_for("the stack ended")
        assert 1 == session.process.wait(30)


def test_a_save_while_the_host_is_away_is_deployed_when_it_is_back(place: Operated):
    with Following(place.command("dev", "--json"), place.environ) as session:
        session.wait_for('"ok":true')
        place.host.process.terminate()
        place.host.process.wait(30)
        place.write("one", "meanwhile")
        session.wait_for("waiting for it")
        place.host.start()
        session.wait_for('"function":"one"')
        assert (200, "meanwhile") == place.host.get("one", "/word")
        rollouts = [json.loads(line) for line in session.output.splitlines() if line.startswith("{")]
        assert [("two", True), ("one", True)] == [(rollout["function"], rollout["ok"]) for rollout in rollouts]
        assert 0 == session.end(signal.SIGTERM)
