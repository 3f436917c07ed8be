"""docs/command-line.md, the help texts and the code say the same; commands start quickly."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ops.cli import VERBS, main
from ops.cli.exits import Exit
from ops.cli.invoke import exit_of
from ops.doctor.checks import CHECKS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/command-line.md").read_text("utf-8")
# They talk to a person, or to a shell; the verbs below `keys`, `knowledge`, `contact`, `outbox` and `slo` take it.
WITHOUT_JSON = {"up", "down", "keys", "knowledge", "contact", "outbox", "host", "slo", "completion"}
HEAVY = {"litestar", "nginx", "psutil", "psycopg", "rich", "numpy", "httpx", "jinja2"}


def command(verb: str) -> click.Command:
    found = main.get_command(click.Context(main), verb)
    assert found is not None
    return found


def test_every_verb_is_on_the_page_and_nothing_else():
    assert set(VERBS) == set(re.findall(r"^\| `edge ([\w-]+)", PAGE, re.MULTILINE))


def test_every_exit_status_is_on_the_page_and_nothing_else():
    assert [str(int(status)) for status in Exit] == re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE)


def test_every_check_of_the_doctor_is_on_the_page_and_nothing_else():
    _, _, section = PAGE.partition("| Check | What it finds |")
    assert list(CHECKS) == re.findall(r"^\| `(\w+)`", section.partition("##")[0], re.MULTILINE)


def test_the_status_of_an_answer_decides_the_exit_status_of_invoke():
    found = {status: exit_of(status) for status in (200, 304, 400, 429, 500, 503)}
    assert {200: 0, 304: 0, 400: 5, 429: 5, 500: 6, 503: 6} == found


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples(verb):
    text = command(verb).help or ""
    assert f"edge {verb}" in text.partition("Examples:")[2]


@pytest.mark.parametrize("verb", sorted(set(VERBS) - WITHOUT_JSON))
def test_every_verb_for_scripts_takes_json(verb):
    assert "--json" in [option for parameter in command(verb).params for option in parameter.opts]


@pytest.mark.parametrize(
    "verb",
    ["deploy", "rollback", "remove", "history", "diff", "list", "status", "host", "logs", "invoke", "new", "doctor"],
)
def test_a_command_that_is_used_often_imports_nothing_heavy(verb):
    module = VERBS[verb][0]
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set() == HEAVY & set(loaded)


def test_the_list_of_verbs_imports_none_of_them():
    code = "import sys, ops.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [] == [name for name in loaded if name.startswith("ops.cli.")]


def test_every_verb_is_a_command_of_its_module():
    for verb, (module, summary) in VERBS.items():
        assert isinstance(command(verb), click.Command)
        assert importlib.import_module(module)
        assert summary.endswith(".")


def test_the_way_to_new_requirements_that_is_told_is_one_that_pip_takes():
    """Without --no-deps pip refuses: run.txt leaves out what pyproject.toml overrides, and has no hash of it."""
    told = [PAGE, command("host").commands["upgrade"].help or "", (ROOT / "ops/stack/pgbinaries.py").read_text("utf-8")]
    options = {found for text in told for found in re.findall(r"pip install (.+?) -r requirements/run\.txt", text)}
    assert {"--no-deps --require-hashes"} == options
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--quiet", *options.pop().split()]
    done = subprocess.run([*pip, "-r", "requirements/run.txt"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
