"""`edge dev` where nothing runs: it starts the stack, serves a save through nginx, and ends with all of it."""

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.parts.commands import Following, environ_of
from tests.parts.hosts import HELLO
from tests.parts.stack import EDGE, free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    folder.chmod(0o755)  # servers that drop root's rights must get in
    (folder / "tree" / "functions").mkdir(parents=True)
    (folder / "tree" / "functions" / "__init__.py").touch()
    (folder / "tree" / "core").symlink_to(ROOT / "core")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def answered(url: str) -> str | None:
    answer = httpx.get(url, timeout=10)
    return answer.text if answer.status_code == 200 else None


def test_it_starts_the_stack_serves_a_new_function_through_nginx_and_leaves_nothing(folder: Path):
    port = free_port()
    environ = {**environ_of(folder / ".edge"), "EDGE_PORT": str(port), "EDGE_ENVIRONMENT": "production"}
    with Following([str(EDGE), "dev", "--root", str(folder / "tree")], environ) as session:
        session.wait_for("watching", timeout_s=90)
        (folder / "tree" / "functions" / "news.py").write_text(HELLO.format(name="news", word="fresh"))
        session.wait_for("news is new")
        deadline = time.monotonic() + 30
        while answered(f"http://127.0.0.1:{port}/news/word") != "fresh":  # nginx learns of a new route in its own time
            assert time.monotonic() < deadline, session.output
            time.sleep(0.05)
        family = psutil.Process(session.process.pid).children(recursive=True)
        assert len(family) > 5
        assert 0 == session.end(signal.SIGINT)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [] == alive
