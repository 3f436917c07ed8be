"""Passed or not: each criterion with its value and its limit."""

import io
import operator
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table

from loadtests.evidence import Evidence

PASSED, NOT_REPORTED, WRONG_USE, BROKEN = range(4)
WIDTH = 100

Sense = Literal["<", "<=", ">", ">="]
Measure = Callable[[Evidence], float | None]
COMPARE: dict[Sense, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Criterion(msgspec.Struct, frozen=True):
    """A figure of a run and what it is held to; without a limit it is only told.

    `timed`: a time, in seconds. `lasting`: a share that a run cut short has too few seconds for.
    """

    name: str
    measure: Measure
    sense: Sense = "<="
    limit: float | None = None
    timed: bool = False
    lasting: bool = False


class Row(msgspec.Struct, frozen=True):
    """A criterion of one run. A figure that could not be measured keeps to no limit."""

    name: str
    value: float | None
    sense: Sense
    limit: float | None
    kept: bool
    timed: bool


class Verdict(msgspec.Struct, frozen=True):
    """The rows of a run and what follows from them. `late`: it did not pass, and nothing but a time was too long."""

    scenario: str
    passed: bool
    late: bool
    said: str
    rows: tuple[Row, ...]

    @property
    def exit_status(self) -> int:
        """Of the process."""
        return PASSED if self.passed else BROKEN


def judge(scenario: str, criteria: Sequence[Criterion], evidence: Evidence) -> Verdict:
    """Hold the evidence to the criteria; a run that did not come to its end never passes."""
    rows = tuple(_row(criterion, evidence) for criterion in criteria)
    whole = evidence.finished and evidence.requests > 0
    broken = [row for row in rows if not row.kept]
    # A time that was not measured is no long one: what it is of never happened.
    late = whole and bool(broken) and all(row.timed and row.value is not None for row in broken)
    passed = whole and not broken
    return Verdict(scenario, passed, late, _said(criteria, evidence, passed=passed), rows)


def _row(criterion: Criterion, evidence: Evidence) -> Row:
    value, limit = criterion.measure(evidence), criterion.limit
    kept = limit is None or (value is not None and COMPARE[criterion.sense](value, limit))
    return Row(criterion.name, value, criterion.sense, limit, kept, criterion.timed)


def of_a_short_run(criterion: Criterion) -> Criterion:
    """What a run cut short is held to: of a share that is to last half the limit, which still shows a collapse."""
    if not criterion.lasting or criterion.limit is None:
        return criterion
    return msgspec.structs.replace(criterion, limit=criterion.limit / 2)


def time_limit(name: str, measure: Measure, limit_s: float, sense: Sense = "<") -> Criterion:
    """A time in seconds that is held to a limit."""
    return Criterion(name, measure, sense, limit_s, timed=True)


def _said(criteria: Sequence[Criterion], evidence: Evidence, *, passed: bool) -> str:
    if not evidence.requests:
        return "not passed: no request was made"
    if not evidence.finished:
        return "not passed: it was ended before its time"
    if passed:
        return "passed"
    without = evidence.without_refusals()
    if evidence.refused and not evidence.failed and all(_row(criterion, without).kept for criterion in criteria):
        return "not passed: overloaded, not broken: whoever got no answer was refused in good order"
    return "not passed"


def shown(number: float | None) -> str:
    """A figure as the table has it."""
    if number is None:
        return "not measured"
    return f"{number:,.0f}".replace(",", " ") if float(number).is_integer() else f"{number:.4g}"


def text(verdict: Verdict) -> str:
    """The table for a person."""
    table = Table()
    table.add_column("criterion")
    table.add_column("value", justify="right")
    table.add_column("limit", justify="right")
    table.add_column("")
    for row in verdict.rows:
        limit = "" if row.limit is None else f"{row.sense} {shown(row.limit)}"
        mark = "" if row.limit is None else "kept" if row.kept else "BROKEN"
        table.add_row(row.name, shown(row.value), limit, mark)
    written = io.StringIO()
    Console(file=written, width=WIDTH).print(table)
    return f"{verdict.scenario}: {verdict.said}\n{written.getvalue()}"
