"""Each level of ops/slo.toml, changed by itself, changes what everybody does who judges by it, and nobody else.

What they do is taken from themselves (tests/parts/judges.py), once for each level, in a tree with another slo.toml.
"""

import ast
import copy
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.settings import Settings
from ops.slo import Levels, load
from ops.slo.levels import PATH

ROOT = Path(__file__).parents[2]
PLAIN = tomllib.loads(PATH.read_text("utf-8"))
LOAD, GATE, BACK, PAGE = "load_test", "gate", "rollback", "health_page"
RULES, BOARD, BENCH, DRILL = "rules", "dashboard", "benchmarks", "drill"
# Who judges by a level: the first pattern that its name fits.
JUDGES = (
    ("promised.response_*", {LOAD, BOARD, PAGE}),
    ("promised.search_s", {LOAD, BOARD}),
    ("promised.error_rate", {LOAD, BOARD, PAGE}),
    ("promised.error_rate_critical", {BOARD, PAGE}),
    ("promised.availability", {RULES, BOARD, PAGE}),
    ("promised.availability_over_s", {BOARD}),
    ("promised.availability_least_rate", {RULES, PAGE}),
    ("promised.embedding_s", {BOARD}),
    ("promised.database_s", {BOARD}),
    ("promised.cache_hit_rate", {LOAD, BOARD}),
    ("ramp.*", {LOAD}),
    ("alerts.SlowResponseTime.limit", {RULES, BOARD, PAGE}),
    ("alerts.*.limit", {RULES, BOARD}),
    ("alerts.*", {RULES}),
    ("burn.*.reaches", {RULES}),
    ("burn.*.short_s", {RULES, PAGE}),
    ("burn.*", {RULES, BOARD, PAGE}),
    ("gate.*", {GATE}),
    ("rollback.error_rate", {BACK, BOARD}),
    ("rollback.p95_s", {BACK, BOARD}),
    ("rollback.least_requests", {BACK, PAGE}),
    ("rollback.*", {BACK}),
    ("aims.chat_first_event_p95_s", {LOAD, BOARD}),
    ("aims.functions_memory_mib", {BENCH, BOARD}),
    ("aims.deploys", {DRILL, LOAD}),
    ("aims.deploy_*", {DRILL}),
    ("aims.rollback_*", {DRILL}),
    ("aims.writes_not_seen", {LOAD}),
    ("aims.goodput_kept", {LOAD}),
    ("aims.memory_growth", {LOAD}),
    ("aims.*", {BENCH}),
)
# Where not just any other will do.
OTHERS = {"promised.search_s": 0.2}


def leaves(level: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """The path of each level; a list of plain values is one."""
    inner = level.items() if isinstance(level, dict) else enumerate(level) if _is_table(level) else ()
    for key, value in inner:
        yield from leaves(value, *path, key)
    if not isinstance(level, dict) and not _is_table(level):
        yield path


def _is_table(level: Any) -> bool:
    return isinstance(level, list) and isinstance(level[0], dict)


def other(value: Any) -> Any:
    """A tenth less, one more of what is counted, another word."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value * 0.9
        case str():
            return "warning" if value == "critical" else "critical"
    return [*value, "pager"] if "pager" not in value else value[:-1]


def with_other(path: tuple[str | int, ...]) -> dict[str, Any]:
    changed = copy.deepcopy(PLAIN)
    *way, name = path
    place = reduce(lambda level, key: level[key], way, changed)
    place[name] = OTHERS.get(named(path), other(place[name]))
    msgspec.convert(changed, Levels)
    return changed


def toml(levels: dict[str, Any]) -> str:
    return "\n".join(_tables(levels))


def _tables(table: dict[str, Any], *path: str) -> Iterator[str]:
    yield from (f"{key} = {json.dumps(value)}" for key, value in table.items() if not _inner(value))
    for key, value in table.items():
        name = ".".join((*path, key))
        for inner in value if _is_table(value) else [value] * isinstance(value, dict):
            yield f"[[{name}]]" if _is_table(value) else f"[{name}]"
            yield from _tables(inner, *path, key)


def _inner(value: Any) -> bool:
    return isinstance(value, dict) or _is_table(value)


LEAVES = list(leaves(PLAIN))


def named(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The outputs of all who judge, by the level that is another; by nothing as it is."""
    tree = tmp_path_factory.mktemp("tree")
    (tree / "ops").mkdir()
    for path in (*ROOT.iterdir(), *(ROOT / "ops").iterdir()):
        if path.name not in {"ops", "slo.toml"} and not path.name.startswith("."):
            (tree / path.relative_to(ROOT)).symlink_to(path)
    (tree / "ops" / "slo.toml").write_text(toml(PLAIN))
    texts = [toml(PLAIN), *(toml(with_other(path)) for path in LEAVES)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.parts.judges"],
        cwd=tree, input=json.dumps(texts), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    return dict(zip(["", *map(named, LEAVES)], json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("level", list(map(named, LEAVES)))
def test_a_changed_level_changes_what_each_does_who_judges_by_it(judged, level):
    changed = {judge for judge, output in judged[level].items() if output != judged[""][judge]}
    assert changed == next(judges for pattern, judges in JUDGES if fnmatch(level, pattern))


@pytest.mark.parametrize("scenario", ["ramp", "mixed"])
def test_each_scenario_of_the_promise_follows_its_ramp(judged, scenario):
    stages = [name for name in map(named, LEAVES) if name.startswith("ramp.")]
    of = {name: judged[name][LOAD][scenario]["users"] for name in ("", *stages)}
    assert len(stages) + 1 == len({json.dumps(users) for users in of.values()})


def test_both_panels_of_the_availability_follow_it(judged):
    panels = zip(judged[""][BOARD], judged["promised.availability"][BOARD], strict=True)
    assert 2 == sum(before != after for before, after in panels)


def test_each_level_has_its_judge_and_each_judge_a_level():
    names = [*map(named, LEAVES)]
    assert [] == [pattern for pattern, _ in JUDGES if not any(fnmatch(name, pattern) for name in names)]
    assert {LOAD, GATE, BACK, PAGE, RULES, BOARD, BENCH, DRILL} == set().union(*(judges for _, judges in JUDGES))


def literals(*trees: ast.AST) -> list[float]:
    """Numbers in the source but for none and all."""
    found = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [value for value in found if isinstance(value, int | float) and value not in {0, 1}]


def arguments(path: str, callee: str, place: int, name: str) -> list[ast.AST]:
    """What is handed over at a place, or under a name, to each call of something."""
    calls = [node for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))) if isinstance(node, ast.Call)]
    calls = [call for call in calls if ast.unparse(call.func) == callee]
    assert calls, f"{path} does not call {callee}"
    return [
        *(call.args[place] for call in calls if len(call.args) > place),
        *(keyword.value for call in calls for keyword in call.keywords if keyword.arg == name),
    ]


def test_no_limit_is_typed_where_it_is_judged():
    """One of several that are alike, which the others would hide above."""
    typed = {
        (path, name): literals(*arguments(path, callee, place, name))
        for path, callee, place, name in (
            ("loadtests/criteria.py", "Criterion", 3, "limit"),
            ("loadtests/catalogue.py", "Criterion", 3, "limit"),
            ("ops/slo/dashboard.py", "Panel", 9, "steps"),
            ("ops/bench/aims.py", "Aim", 0, "limit"),
            ("ops/slo/colours.py", "_coloured", 9, "amber"),
            ("ops/slo/colours.py", "_coloured", 9, "red"),
        )
    }
    assert [] == [where for where, found in typed.items() if found]


def test_a_benchmark_has_no_aim_but_those_of_the_table():
    parts = [*(ROOT / "ops" / "bench").rglob("*.py")]
    assert ["aims.py"] == [path.name for path in parts if "Aim(" in path.read_text("utf-8").replace("class Aim(", "")]


def test_what_is_promised_as_critical_is_what_calls_somebody():
    assert load().promised.error_rate_critical == load().alerts.high_error_rate.limit


def test_a_new_question_may_take_as_long_as_it_may_wait_for_the_model():
    assert Settings().embed_deadline_s == load().aims.new_search_p95_s
