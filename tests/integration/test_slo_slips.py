"""A slip in ops/slo.toml: whoever judges by it says so in a sentence, and nobody stops serving for it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.commands import TIMEOUT_S, Operated
from tests.parts.hosts import HELLO, ROOT, RunningHost, running_host

ALERT = ("[alerts.ServiceDown]", "[alerts.ServiceGone]", "ops/slo.toml: alerts.ServiceGone is no level; known: ")
TRIGGER = ("crashes = 3 ", 'crashes = "3" ', "ops/slo.toml: rollback.crashes: a whole number is expected, not a string")
BAD_TOML = ("error_rate = 0.01", "error_rate = ", "ops/slo.toml is not TOML: Invalid value (at line 10, column 14)")
HOST = "import sys; sys.path.insert(0, {!r}); from ops.host.__main__ import main; main()"


class Checkout(Operated):
    """A checkout of its own, whose levels a test spoils, with the commands and a host run from it."""

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environ = {**self.environ, "PYTHONPATH": str(self.tree), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            command, env=environ, cwd=self.tree, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )

    def module(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", name, *arguments)

    def slip(self, line: str, changed: str, said: str = "") -> str:
        spoil(self.tree, line, changed)
        return said

    def log(self) -> str:
        return self.host.log()


def spoil(tree: Path, line: str, changed: str) -> None:
    text = (ROOT / "ops" / "slo.toml").read_text("utf-8")
    assert line in text
    (tree / "ops" / "slo.toml").write_text(text.replace(line, changed))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Its host began with a slip in the triggers."""
    tree = tmp_path_factory.mktemp("checkout")
    for folder in ("core", "ops", "nginx", "loadtests"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "functions").mkdir()
    (tree / "functions" / "__init__.py").touch()
    spoil(tree, *TRIGGER[:2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunningHost, "program", ("-B", "-c", HOST.format(str(tree))))
        with running_host({"one": HELLO.format(name="one", word="first")}) as host:
            yield Checkout(host, tree)


def test_a_host_serves_without_its_triggers_and_says_that_nobody_watches(checkout: Checkout):
    assert (200, "first") == checkout.host.get("one", "/word")
    assert f"one: {TRIGGER[2]}; this release is not taken back, whatever it does" in checkout.log()


def test_a_deploy_that_nobody_would_watch_is_refused_and_what_serves_goes_on(checkout: Checkout):
    said = checkout.slip(*TRIGGER)
    checkout.write("one", "second")
    done = checkout.module("ops.cli", "deploy", "one")
    assert 3 == done.returncode
    assert f"Error: {said}; mend it first" in done.stderr
    assert (200, "first") == checkout.host.get("one", "/word")


def test_an_alerts_slip_is_told_at_a_deploy_which_is_watched_from_then_on(checkout: Checkout):
    said, before = checkout.slip(*ALERT), checkout.log().count("this release is not taken back")
    checkout.write("one", "third")
    done = checkout.module("ops.cli", "deploy", "one")
    assert 0 == done.returncode, done.stderr
    assert f"warning: {said}" in done.stderr
    assert (200, "third") == checkout.host.get("one", "/word")
    assert before == checkout.log().count("this release is not taken back")


COMMANDS = {
    "slo show": ((sys.executable, "-m", "ops.cli", "slo", "show", "--json"), 1),
    "slo rules": ((sys.executable, "-m", "ops.cli", "slo", "rules"), 1),
    "slo dashboard": ((sys.executable, "-m", "ops.cli", "slo", "dashboard"), 1),
    "load": ((sys.executable, "-m", "loadtests"), 2),
    "locust": ((str(Path(sys.executable).with_name("locust")), "-f", "loadtests/", "--headless"), 2),
    "drill": ((sys.executable, "-m", "ops.drill"), 2),
    "bench": ((sys.executable, "-m", "ops.bench", "memory"), 2),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("slip", [ALERT, BAD_TOML], ids=["unknown", "toml"])
def test_whoever_judges_by_the_levels_says_the_slip_and_nothing_more(checkout: Checkout, command: str, slip):
    said, (words, status) = checkout.slip(*slip), COMMANDS[command]
    done = checkout.run(*words)
    assert status == done.returncode, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "" == done.stdout


@pytest.mark.parametrize(
    ("slip", "cost"),
    [(ALERT, "neither `edge slo` nor a load test"), (TRIGGER, "the host takes no release back")],
    ids=["alert", "trigger"],
)
def test_the_doctor_names_the_slip_once_and_blames_no_other_check(checkout: Checkout, slip, cost):
    said = checkout.slip(*slip)
    done = checkout.module("ops.cli", "doctor", "--check", "levels", "--check", "disk")
    assert 1 == done.returncode
    assert 1 == done.stdout.count(said)
    assert cost in done.stdout
    assert "the check broke" not in done.stdout
