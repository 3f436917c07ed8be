"""`edge new` writes a function that deploys and answers, and a test that passes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts.commands import Operated, environ_of, operated, run_edge
from tests.parts.hosts import ROOT
from tests.parts.stack import EDGE


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What a checkout has, without functions."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "__init__.py").touch()
    for name in ("core", "nginx", "ops"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "tests" / "integration").mkdir(parents=True)
    for name in ("__init__.py", "conftest.py", "parts"):
        (tmp_path / "tests" / name).symlink_to(ROOT / "tests" / name)
    (tmp_path / "tests" / "integration" / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def new(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_edge([str(EDGE), "new", "--root", str(tree), *arguments], environ_of(tree / "home"))


def test_a_new_function_deploys_answers_and_passes_its_own_test(tree: Path):
    done = new(tree, "opening_hours")
    assert 0 == done.returncode, done.stderr
    with operated() as running:
        place = Operated(running.host, tree)
        assert 0 == place.edge("deploy", "opening_hours").returncode
        answer = place.json("invoke", "opening_hours", "--data", '{"text": "Ada"}')
        assert (200, {"text": "hello Ada"}) == (answer["status"], answer["body"])
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/integration/test_opening_hours.py"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == ran.returncode, ran.stdout
    assert "3 passed" in ran.stdout


def test_what_to_do_next_can_be_pasted_in_the_checkout(tree: Path):
    environ = {**environ_of(tree / "home"), "EDGE_PORT": "9090", "EDGE_HOST": "::"}
    told = run_edge([str(EDGE), "new", "--root", str(tree), "foo_bar"], environ).stdout
    assert f"next, in {tree}:" in told
    commands = [line.strip() for line in told.splitlines() if line.startswith("  ")]
    assert "make test ARGS=tests/integration/test_foo_bar.py" in commands
    assert ".venv/bin/edge deploy foo_bar" in commands
    assert any(command.startswith("curl -s http://[::1]:9090/api/foo-bar ") for command in commands)


def test_what_it_writes_has_the_style_of_the_rest(tree: Path):
    new(tree, "styled")
    for arguments in (("check",), ("format", "--check")):
        command = [str(EDGE.with_name("ruff")), *arguments, "--no-cache", "functions", "tests/integration"]
        ran = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
        assert 0 == ran.returncode, ran.stdout


def test_nothing_that_exists_is_overwritten(tree: Path):
    (tree / "functions" / "taken.py").write_text("mine\n")
    (tree / "tests" / "integration" / "test_tested.py").write_text("mine\n")
    for name in ("taken", "tested"):
        done = new(tree, name)
        assert (2, True) == (done.returncode, "exists already" in done.stderr)
    assert "mine\n" == (tree / "functions" / "taken.py").read_text()
    assert not (tree / "functions" / "tested.py").exists()


def test_a_name_that_cannot_be_is_refused_and_writes_nothing(tree: Path):
    for name in ("No", "../outside", "class", "host"):
        assert 2 == new(tree, name).returncode
    assert ["__init__.py"] == [path.name for path in (tree / "functions").iterdir()]
