"""`edge doctor` on a whole stack: well at first, then each fault is caused and found."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.parts.stack import RunningStack, running_stack

ROOT = Path(__file__).parents[2]
# What a function must not do: say ok whatever is so, let every origin in, write for anyone, open a port of its own.
LIAR = """
from litestar import Litestar, get
from litestar.datastructures import ResponseHeader
from core.function import Function, Route, Smoke

FUNCTION = Function(
    name="health", summary="says ok", routes=(Route("GET", "/api/health"),), smoke=(Smoke("GET", "/api/health"),)
)
PARTS = {"database": "ok", "embeddings": "ok", "llm": "off", "cache": "ok"}


@get("/api/health", response_headers=[ResponseHeader(name="Access-Control-Allow-Origin", value="*")])
async def health() -> dict[str, object]:
    return {"status": "ok", "checks": PARTS}


def create_app() -> Litestar:
    return Litestar([health], logging_config=None)
"""
OPEN = """
import socket
from litestar import Litestar, post
from core.function import Function, Route, Smoke

FUNCTION = Function(
    name="learn",
    summary="writes for anyone",
    routes=(Route("POST", "/api/knowledge/learn"),),
    smoke=(Smoke("POST", "/api/knowledge/learn"),),
)
LISTENER = socket.socket()
LISTENER.bind(("127.0.0.1", 0))
LISTENER.listen()


@post("/api/knowledge/learn", status_code=200)
async def learn() -> dict[str, bool]:
    return {"success": True}


def create_app() -> Litestar:
    return Litestar([learn], logging_config=None)
"""


@pytest.fixture(scope="module")
def own() -> Iterator[RunningStack]:
    with running_stack() as running:
        yield running


def examined(stack: RunningStack, *checks: str) -> tuple[int, list[tuple[str, str, str]]]:
    """The exit status, and check, level and detail of what is not well."""
    chosen = [part for check in checks for part in ("--check", check)]
    done = stack.edge("doctor", "--json", *chosen)
    told = json.loads(done.stdout)
    assert told["healthy"] == (done.returncode == 0)
    findings = [(one["check"], one["level"], one["detail"]) for one in told["findings"]]
    return done.returncode, [finding for finding in findings if finding[1] != "ok"]


@contextmanager
def hanging(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_fresh_stack_is_well_and_every_check_has_its_line(own: RunningStack):
    assert (0, []) == examined(own)
    done = own.edge("doctor")
    assert (0, "") == (done.returncode, done.stderr)
    assert "ok       writes        6 routes that read or write what shops know ask for a key" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_check_that_there_is_not_is_wrong_usage(own: RunningStack):
    done = own.edge("doctor", "--check", "liver")
    assert 2 == done.returncode
    assert "there are: functions, releases, nginx" in " ".join(done.stderr.replace("│", " ").split())


def test_a_release_that_was_altered_is_found(own: RunningStack):
    row = next(row for row in json.loads(own.edge("list", "--json").stdout) if row["name"] == "search")
    source = own.home / "releases" / "search" / row["release"] / "functions" / "search.py"
    before = source.read_bytes()
    source.chmod(0o600)
    source.write_bytes(before + b"#")
    try:
        status, (found,) = examined(own, "releases")
    finally:
        source.write_bytes(before)
    assert (1, "releases", "fault") == (status, found[0], found[1])
    assert "functions/search.py is altered" in found[2]


def test_a_model_that_hangs_is_found_and_the_health_page_does_not_hide_it(own: RunningStack):
    with hanging(own.pid_of("model")):
        status, found = examined(own, "model", "health")
    assert 1 == status
    assert [("model", "fault"), ("health", "warning")] == [(check, level) for check, level, _ in found]
    assert "embeddings down" in found[1][2]


def test_functions_that_lie_write_for_anyone_and_open_ports_are_found(own: RunningStack, tmp_path: Path):
    (tmp_path / "functions").mkdir()
    (tmp_path / "core").symlink_to(ROOT / "core")
    (tmp_path / "requirements").symlink_to(ROOT / "requirements")
    for name, source in (("__init__", ""), ("health", LIAR), ("learn", OPEN)):
        (tmp_path / "functions" / f"{name}.py").write_text(source)
    done = own.edge("deploy", "health", "learn", "--root", str(tmp_path))
    assert 0 == done.returncode, done.stdout + done.stderr
    try:
        with hanging(own.pid_of("model")):
            status, found = examined(own, "releases", "ports", "cors", "writes", "health")
    finally:
        assert 0 == own.edge("deploy", "health", "learn").returncode
    told = " | ".join(" ".join(finding) for finding in found)
    assert 1 == status
    assert "releases warning health, learn: the tree has another version" in told
    assert "of this instance listens on 127.0.0.1" in told
    assert "cors fault GET /api/health lets every origin in (*)" in told
    assert "writes fault POST /api/knowledge/learn without a key is answered 200" in told
    assert "health fault it says embeddings ok, and that is not so" in told


def test_an_instance_that_does_not_run_is_not_well(own: RunningStack, tmp_path: Path):
    home, own.environ["EDGE_HOME"] = own.environ["EDGE_HOME"], str(tmp_path)
    try:
        status, found = examined(own, "functions")
    finally:
        own.environ["EDGE_HOME"] = home
    assert (1, [("functions", "fault", f"no host answers in {tmp_path}")]) == (status, found)
