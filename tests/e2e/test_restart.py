"""What a restart deploys of the tree, as a developer has left it."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.hosts import HELLO, ROOT
from tests.parts.stack import RunningStack

USES_SETTINGS = "from core.settings import Settings\n"
UP = (sys.executable, "-P", "-B", "-m", "ops.cli", "up")


class Checkout:
    """A checkout with one function, and the stack that is run from it by turns."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.home = folder / "tree", folder / "e"
        for name in ("core", "ops", "nginx"):
            shutil.copytree(ROOT / name, self.tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        (self.tree / "functions").mkdir()
        (self.tree / "functions" / "__init__.py").touch()

    def write(self, word: str) -> None:
        (self.tree / "functions" / "says.py").write_text(USES_SETTINGS + HELLO.format(name="says", word=word))

    def started(self, **extra: str) -> RunningStack:
        stack = RunningStack(self.home, {"PYTHONPATH": str(self.tree), **extra}, UP)
        stack.wait_up()
        return stack


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    folder.chmod(0o755)  # servers that drop root's rights must get in
    yield Checkout(folder)
    shutil.rmtree(folder, ignore_errors=True)


def word(stack: RunningStack) -> str:
    with stack.client() as client:
        return client.get("/says/word").text


def test_a_restart_needs_no_core_that_a_save_has_broken(checkout: Checkout):
    checkout.write("good")
    stack = checkout.started(EDGE_ENVIRONMENT="production")
    try:
        stack.stop()
        errors = checkout.tree / "core" / "errors.py"
        errors.write_text(errors.read_text() + "this is no Python\n")
        stack = checkout.started()
        assert "good" == word(stack)
        at = f"core/errors.py, line {len(errors.read_text().splitlines())}"
        assert f"{at}: SyntaxError" in stack.output
        assert f"{at}: invalid syntax\ngoing on with the releases that serve: says" in stack.output
        assert "Traceback" not in stack.output
    finally:
        stack.stop()
