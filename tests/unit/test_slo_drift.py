"""A changed figure of ops/slo.toml changes what is made from it, each figure by itself."""

import copy
import json
import tomllib
from functools import reduce
from typing import Any

import msgspec
import pytest

from ops.host.watch import Triggers
from ops.slo import Levels, load
from ops.slo.dashboard import dashboard
from ops.slo.levels import PATH
from ops.slo.rules import rules

PLAIN = tomllib.loads(PATH.read_text("utf-8"))


def figures(level: Any, *path: str | int):
    """The path of each number of the file."""
    inner = level.items() if isinstance(level, dict) else enumerate(level) if isinstance(level, list) else ()
    for key, value in inner:
        yield from figures(value, *path, key)
    if isinstance(level, int | float) and not isinstance(level, bool):
        yield path


def with_other(*path: str | int) -> Levels:
    """The levels with one figure a tenth lower, or one more where it counts something."""
    other = copy.deepcopy(PLAIN)
    *way, name = path
    place = reduce(lambda level, key: level[key], way, other)
    place[name] = place[name] + 1 if isinstance(place[name], int) else place[name] * 0.9
    return msgspec.convert(other, Levels)


def made_from(levels: Levels) -> tuple[str, str]:
    return json.dumps(rules(levels)), json.dumps(dashboard(levels))


FIGURES = list(figures(PLAIN))
BUILT = made_from(load())


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: ".".join(map(str, path)))
def test_a_changed_figure_changes_rules_or_dashboard(path):
    alerting, shown = made_from(with_other(*path))
    judged_by_rules = path[0] in {"alerts", "burn"} or path[-1] in {"availability", "availability_least_rate"}
    assert not judged_by_rules or alerting != BUILT[0]
    assert (alerting, shown) != BUILT


def test_what_is_promised_as_critical_is_what_calls_somebody():
    assert load().promised.error_rate_critical == load().alerts.high_error_rate.limit


def test_the_host_takes_a_release_back_by_the_figures_of_the_file():
    assert PLAIN["rollback"] == msgspec.structs.asdict(Triggers.read())
