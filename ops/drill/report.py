"""The drill's verdict and report."""

from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from ops.drill.run import Drilled, Options
from ops.drill.tally import KINDS, Result
from ops.slo.levels import Aims
from ops.stack import environment

KIND_NAMES = {"write": "POST, kept connection", "kept": "GET, kept connection", "fresh": "GET, a connection each"}


def faults(drilled: Drilled, options: Options, aims: Aims) -> list[str]:
    """What keeps the drill from being passed, a sentence each; a brief one is held to neither number nor time."""
    return [*_lost(drilled, options, aims), *_of_deploys(drilled, brief=options.brief, aims=aims)]


def _lost(drilled: Drilled, options: Options, aims: Aims) -> list[str]:
    under, writes, calm_writes = drilled.under_deploys, drilled.writes, drilled.undisturbed_writes
    found = [
        f"{name}: {number}"
        for name, number in (
            ("failed requests", _over(under.failed, aims.deploy_failed_requests)),
            ("cut streams", _over(under.streams_cut, aims.deploy_cut_streams)),
            ("cut streams without deploys", drilled.undisturbed.streams_cut),
            ("faults of the generator itself", under.own + drilled.undisturbed.own),
            ("lost writes", writes.lost + calm_writes.lost),
            ("doubled writes", writes.doubled + calm_writes.doubled),
            ("rows that nobody asked for", writes.unasked + calm_writes.unasked),
            ("rows whose request was not acknowledged", writes.unacknowledged + calm_writes.unacknowledged),
        )
        if number
    ]
    if drilled.undisturbed.failed:
        found.append(f"without deploys requests failed too: this machine does not keep up with --rate {options.rate:g}")
    if under.answered < options.requests:
        found.append(f"answered {under.answered} of {options.requests} requests")
    if under.sent != under.answered + under.apart + under.failed + under.own:
        found.append("the generator's sums do not fit")
    if under.least_streams_open < min(20, options.streams):
        found.append(f"only {under.least_streams_open} streams were open at a time")
    return found


def _over(number: int, most: int) -> int:
    return number if number > most else 0


def _of_deploys(drilled: Drilled, *, brief: bool, aims: Aims) -> list[str]:
    found = []
    if not brief and len(drilled.deploys) < aims.deploys:
        found.append(f"{len(drilled.deploys)} of {aims.deploys} deploys were made")
    for row in (row for row in drilled.deploys if row.kind == "rollback"):
        took_s = row.new_code_s or row.took_s
        if row.built > aims.rollback_built:
            found.append(f"rollback of {row.function}: it built {row.built} releases")
        if not brief and took_s > aims.rollback_s:
            found.append(f"rollback of {row.function}: {took_s:.1f} s, and it may take {aims.rollback_s:g}")
    return found + [
        f"deploy of {row.function}, {row.kind}: not {row.expected} ({row.step}: {row.reason})"
        for row in drilled.deploys
        if not row.as_expected
    ]


def as_json(drilled: Drilled, options: Options, where: dict[str, Any], found: list[str]) -> bytes:
    """The whole report for machines."""
    report = {"passed": not found, "faults": found, "options": options, "environment": where, "drill": drilled}
    return msgspec.json.format(msgspec.json.encode(report))


def show(console: Console, drilled: Drilled, where: dict[str, Any], found: list[str]) -> None:
    """The report for people."""
    console.print()
    console.print(_deploys(drilled))
    console.print(_counts(drilled))
    console.print(_latency(drilled))
    for line in (
        *environment.lines(where),
        f"lateness of the generator: {drilled.under_deploys.lag_ms:.0f} ms, {drilled.undisturbed.lag_ms:.0f} ms",
    ):
        console.print(line, markup=False, soft_wrap=True)
    for name, result in (("with deploys", drilled.under_deploys), ("without", drilled.undisturbed)):
        for trouble, number in result.troubles.items():
            console.print(f"{name}: {number} times {trouble}", markup=False, soft_wrap=True)
        for example in result.examples:
            console.print(f"  {name}, {example}", markup=False, soft_wrap=True)
    for fault in found:
        console.print(f"FAULT     {fault}", style="red", markup=False, soft_wrap=True)
    console.print("not passed" if found else "passed", style="red" if found else "green")


def _deploys(drilled: Drilled) -> Table:
    table = _table("deploy", "what", "outcome", "took s", "new code s", "refused at")
    for row in drilled.deploys:
        outcome = row.expected if row.as_expected else f"NOT {row.expected}"
        new_code = "-" if row.new_code_s is None else f"{row.new_code_s:.3f}"
        table.add_row(row.function, row.kind, outcome, f"{row.took_s:.2f}", new_code, row.step or "-")
    return table


def _counts(drilled: Drilled) -> Table:
    table = _table("", "with deploys", "without")
    under, calm = drilled.under_deploys, drilled.undisturbed
    pairs: list[tuple[str, object, object]] = [
        ("deploys", len(drilled.deploys), 0),
        ("kills of the host", drilled.host_kills, 0),
        ("upgrades of the host", drilled.host_upgrades, 0),
        ("seconds", f"{under.seconds:.0f}", f"{calm.seconds:.0f}"),
        ("requests sent", under.sent, calm.sent),
        ("answered", under.answered, calm.answered),
        ("failed", under.failed, calm.failed),
        ("500s of the lying release", under.apart, calm.apart),
        ("faults of the generator", under.own, calm.own),
        ("writes acknowledged", under.acknowledged, calm.acknowledged),
        ("rows", drilled.writes.rows, drilled.undisturbed_writes.rows),
        ("writes lost", drilled.writes.lost, drilled.undisturbed_writes.lost),
        ("writes doubled", drilled.writes.doubled, drilled.undisturbed_writes.doubled),
        ("streams", under.streams, calm.streams),
        ("streams complete", under.streams_complete, calm.streams_complete),
        ("streams cut", under.streams_cut, calm.streams_cut),
        ("least streams open", under.least_streams_open, calm.least_streams_open),
        ("events", under.events, calm.events),
    ]
    for name, with_deploys, without in pairs:
        table.add_row(name, str(with_deploys), str(without))
    return table


def _latency(drilled: Drilled) -> Table:
    table = _table(
        "ms, beside a run without deploys", "count", "p50", "p95", "p99", "most", "p50 without", "p95", "p99", "most"
    )
    for kind in KINDS:
        cells = [str(drilled.under_deploys.latency[kind].count)]
        for result in (drilled.under_deploys, drilled.undisturbed):
            cells += _figures(result, kind)
        table.add_row(KIND_NAMES[kind], *cells)
    return table


def _figures(result: Result, kind: str) -> list[str]:
    latency = result.latency[kind]
    values = (latency.p50, latency.p95, latency.p99, latency.highest)
    return ["-" if value is None else f"{value:.1f}" for value in values]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    return table
