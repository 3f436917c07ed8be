"""A save that breaks core/: the commands by which an operator gets out of it go on working."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.commands import TIMEOUT_S, Operated
from tests.parts.hosts import HELLO, ROOT, running_host

SYNTAX = "this is no Python\n"
USES_SETTINGS = "from core.settings import Settings\n"


class Checkout(Operated):
    """A checkout of its own, whose core/ a test breaks, with the commands run from it."""

    def edge(self, verb: str, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        environ = {**self.environ, "PYTHONPATH": str(self.tree), **extra}
        command = [sys.executable, "-B", "-m", "ops.cli", verb, *arguments]
        return subprocess.run(
            command, env=environ, cwd=self.tree, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )

    def spoil(self, path: str, text: str = SYNTAX) -> None:
        with (self.tree / path).open("a") as file:
            file.write(text)

    def mend(self) -> None:
        shutil.copytree(ROOT / "core", self.tree / "core", dirs_exist_ok=True)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    tree = tmp_path_factory.mktemp("checkout")
    unwanted = shutil.ignore_patterns("__pycache__")
    for folder in ("core", "ops", "nginx"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=unwanted)
    (tree / "functions").mkdir()
    (tree / "functions" / "__init__.py").touch()
    with running_host() as host:
        place = Checkout(host, tree)
        for word in ("first", "second"):
            (tree / "functions" / "one.py").write_text(USES_SETTINGS + HELLO.format(name="one", word=word))
            done = place.edge("deploy", "one")
            assert 0 == done.returncode, done.stderr
        yield place


@pytest.fixture
def checkout(served: Checkout) -> Iterator[Checkout]:
    yield served
    served.mend()


BREAKS = {
    "syntax": ("core/errors.py", SYNTAX, "SyntaxError"),
    "name": ("core/settings.py", "\nnothing_of_this_name\n", "NameError"),
    "import": ("core/settings.py", "\nfrom core.errors import NothingError\n", "ImportError"),
}


@pytest.mark.parametrize(
    ("fault", "verb"),
    [
        ("syntax", ("list",)),
        ("name", ("history", "one")),
        ("import", ("logs", "one")),
        ("syntax", ("deploy", "--dry-run")),
    ],
)
def test_a_broken_core_keeps_nobody_from_looking(checkout: Checkout, fault: str, verb: tuple[str, ...]):
    path, text, kind = BREAKS[fault]
    checkout.spoil(path, text)
    done = checkout.edge(*verb)
    assert (0, "Traceback" in done.stderr) == (done.returncode, False), done.stderr
    line = len((checkout.tree / path).read_text().splitlines())
    assert f"{path}, line {line}: {kind}" in done.stderr
    assert "core of release" in done.stderr


@pytest.mark.parametrize("verb", ["status", "down"])
def test_what_asks_the_stack_needs_no_core_either(checkout: Checkout, verb: str):
    checkout.spoil("core/settings.py")
    done = checkout.edge(verb)
    assert "nothing runs in" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_core_keeps_nobody_from_going_back(checkout: Checkout):
    checkout.spoil("core/settings.py")
    done = checkout.edge("rollback", "one")
    assert 0 == done.returncode, done.stderr
    assert (200, "first") == checkout.host.get("one", "/word")


def test_a_deploy_of_it_is_refused_with_step_file_and_line(checkout: Checkout):
    checkout.spoil("core/errors.py")
    line = len((checkout.tree / "core" / "errors.py").read_text().splitlines())
    done = checkout.edge("deploy", "one")
    assert 3 == done.returncode, done.stderr
    changed = {told.split()[1] for told in done.stdout.splitlines() if told.startswith("changed")}
    assert {"core/errors.py"} == changed - {"functions/one.py"}  # which another test may have gone back from
    assert "one: import failed" in done.stderr
    assert f'"{checkout.tree}/core/errors.py", line {line}' in done.stderr
    assert "goes on with release" in done.stderr


def test_what_writes_does_not_guess_and_says_the_line(checkout: Checkout):
    checkout.spoil("core/errors.py")
    done = checkout.edge("keys", "list")
    assert 1 == done.returncode
    assert done.stderr.startswith("Error: core/errors.py, line ")
    assert "core of release" not in done.stderr


def test_without_any_release_the_line_is_said(checkout: Checkout, tmp_path: Path):
    checkout.spoil("core/errors.py")
    done = checkout.edge("list", EDGE_HOME=str(tmp_path))
    assert 1 == done.returncode
    assert "Error: core/errors.py, line " in done.stderr
    assert "Traceback" not in done.stderr
