"""How a stack ends while requests are under way, and starts again on a tree as a developer has left it."""

import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.parts.hosts import ROOT
from tests.parts.stack import RunningStack, wait_until

SAYS = """
import asyncio

from litestar import Litestar, get
from core.function import Function, Route, Smoke
from core.settings import Settings

FUNCTION = Function(
    name="says",
    summary="says a word, at once and after a while",
    routes=(Route("GET", "/says/word"), Route("GET", "/says/after/{id}")),
    smoke=(Smoke("GET", "/says/word"),),
    timeout_s=60.0,
)


@get("/says/word")
async def word() -> str:
    return "good"


@get("/says/after/{seconds:int}")
async def after(seconds: int) -> str:
    await asyncio.sleep(seconds)
    return "good"


def create_app() -> Litestar:
    return Litestar([word, after], logging_config=None)
"""
PAST_EVERY_CUT_S = 12  # nginx once gave answers 5 s, the host gives workers 10 s
UP = (sys.executable, "-P", "-B", "-m", "ops.cli", "up")


class Checkout:
    """A checkout with one function, and the stack that is run from it by turns."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.home = folder / "tree", folder / "e"
        for name in ("core", "ops", "nginx"):
            shutil.copytree(ROOT / name, self.tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        (self.tree / "functions").mkdir()
        (self.tree / "functions" / "__init__.py").touch()
        (self.tree / "functions" / "says.py").write_text(SAYS)

    def started(self, **extra: str) -> RunningStack:
        stack = RunningStack(self.home, {"PYTHONPATH": str(self.tree), **extra}, UP)
        try:
            stack.wait_up()
        except BaseException:
            stack.stop()
            raise
        return stack


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    folder.chmod(0o755)  # servers that drop root's rights must get in
    yield Checkout(folder)
    shutil.rmtree(folder, ignore_errors=True)


def asked(stack: RunningStack, path: str) -> str | None:
    """The answer; None when the connection is cut, or answered with an error."""
    with stack.client() as client:
        try:
            return client.get(path, timeout=60).raise_for_status().text
        except httpx.HTTPError:
            return None


def in_flight(stack: RunningStack) -> bool:
    return 1 == json.loads(stack.edge("list", "--json").stdout)[0]["inFlight"]


def stopped_while_asked(stack: RunningStack, seconds: int, meanwhile: Callable[[], None]) -> str | None:
    """Ask for what takes so long, stop the stack, and return what was answered."""
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(asked, stack, f"/says/after/{seconds}")
        wait_until(lambda: in_flight(stack))
        stack.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "waiting for 1 request (says 1), for at most 61 s" in stack.output)
        meanwhile()
        return answer.result()


def is_cut(stack: RunningStack) -> bool:
    stack.process.send_signal(signal.SIGTERM)  # one that comes at once after the first is taken for the same
    return "cutting 1 request (says 1)" in stack.output


@pytest.mark.timeout(300)
def test_a_restart_cuts_no_request_and_needs_no_core_that_a_save_has_broken(checkout: Checkout):
    stack = checkout.started(EDGE_ENVIRONMENT="production")
    try:
        assert "good" == stopped_while_asked(stack, PAST_EVERY_CUT_S, lambda: None)
        assert 0 == stack.process.wait(30)
        stack.stop()

        errors = checkout.tree / "core" / "errors.py"
        errors.write_text(errors.read_text() + "this is no Python\n")
        stack = checkout.started()
        assert "good" == asked(stack, "/says/word")
        at = f"core/errors.py, line {len(errors.read_text().splitlines())}"
        assert f"{at}: SyntaxError" in stack.output
        assert f"{at}: invalid syntax\ngoing on with the releases that serve: says" in stack.output
        assert "Traceback" not in stack.output

        assert stopped_while_asked(stack, 55, lambda: wait_until(lambda: is_cut(stack))) is None
        assert 0 == stack.process.wait(30)
    finally:
        stack.stop()
