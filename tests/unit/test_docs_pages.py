"""What the pages of docs/ name exists: files, routes, limits, kinds of problems."""

import importlib
import re
from pathlib import Path

import pytest

from core import errors
from core.function import MIB
from nginx.problems import PROBLEMS

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("README.md"), *sorted((ROOT / "docs").rglob("*.md"))]
API = (ROOT / "docs/http-api.md").read_text("utf-8")
FUNCTIONS = sorted(path.stem for path in (ROOT / "functions").glob("[!_.]*"))
FILE = re.compile(r"`((?:core|functions|ops|nginx|loadtests|tests|docs|requirements)/[\w./-]*)(?:::\w+)?`")
ROUTE = re.compile(
    r"^\| *(?P<name>\w*) *\| `(?P<method>[A-Z]+) (?P<path>/[^`]+)` \| [\w ]+ \| (?P<limit>[\w ]*)\|$", re.MULTILINE
)
PROBLEM = re.compile(r"^\| (?P<status>\d{3}) \| (?P<kinds>`[^|]+`) \|", re.MULTILINE)


def kinds_of_errors(kind=errors.EdgeError):
    return {(kind.status, kind.kind)} | {pair for below in kind.__subclasses__() for pair in kinds_of_errors(below)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_names_exists(page):
    named = {name for name in FILE.findall(page.read_text("utf-8")) if "NAME" not in name}
    assert [] == sorted(name for name in named if not (ROOT / name).exists())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_within_the_repository_leads_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert [] == [target for target in targets if not (page.parent / target).exists()]


def test_the_documented_routes_and_body_limits_are_those_of_the_functions():
    documented, name = set(), ""
    for row in ROUTE.finditer(API):
        name = row["name"] or name
        limit = int(row["limit"].split()[0]) * MIB if row["limit"].strip() else None
        documented.add((name, row["method"], row["path"], limit))
    manifests = [importlib.import_module(f"functions.{function}").FUNCTION for function in FUNCTIONS]
    assert documented == {
        (manifest.name, route.method, route.path, route.body_limit_bytes if route.method in {"POST", "PUT"} else None)
        for manifest in manifests
        for route in manifest.routes
    }


def test_every_kind_of_problem_is_documented_with_its_status_and_nothing_else():
    documented = {
        (row["status"], kind) for row in PROBLEM.finditer(API) for kind in re.findall(r"`(.+?)`", row["kinds"])
    }
    true = {(str(int(status)), kind) for status, kind in kinds_of_errors()}
    true |= {(str(problem.status), problem.kind) for problem in PROBLEMS}
    assert documented | {("500", "internal")} == true


def test_a_record_of_a_decision_says_what_it_costs_and_what_would_change_it():
    records = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    numbers = [record.name.split("-", 1)[0] for record in records]
    assert len(set(numbers)) == len(numbers) >= 13
    for record in records:
        text = record.read_text("utf-8").lower()
        assert all(part in text for part in ("context", "decision", "cost", "change our mind")), record.name
