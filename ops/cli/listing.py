"""`edge list`: each function, what serves it, and what it may use."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from ops.cli.table import STATE_COLOURS, Cell, show
from ops.cli.workplace import Workplace, json_option, open_workplace, root_option
from ops.release.closure import function_names

COLUMNS = ("function", "state", "release", "age", "workers", "MiB", "in flight", "timeout", "restarts", "fault")
NUMBERS = frozenset(COLUMNS) - {"function", "state", "release", "fault"}
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@click.command("list")
@root_option
@json_option
def list_(*, root: Path, as_json: bool) -> None:
    """Show the functions: release and since when it serves, workers, memory and requests beside their limits.

    `workers` are those that serve and how many there are to be. `MiB` is their own memory and what they may use, `in
    flight` are requests and how many they take, one more is answered 503 with Retry-After: both limits are each
    worker's, times their number. Functions of the tree that were never deployed
    are listed too.

    \b
    Exit status: 0 done, 1 failed, 4 no host answers.

    \b
    Examples:
      edge list
      edge list --json | jq '.[] | select(.state != "serving")'
    """
    place = open_workplace(root)
    now = datetime.now(UTC)
    rows = [_facts(place, state, now) for state in place.functions().values()]
    known = {row["name"] for row in rows}
    rows += [_undeployed(name) for name in function_names(place.root) if name not in known]
    if as_json:
        click.echo(json.dumps(rows))
    else:
        shown = len(COLUMNS) if any(row["failure"] for row in rows) else len(COLUMNS) - 1
        show(COLUMNS[:shown], [_row(row)[:shown] for row in rows], NUMBERS)


def since(seconds: float) -> str:
    """A duration in its largest whole unit: `3 d`, `5 h`, `12 min`, `8 s`."""
    return next((f"{int(seconds // size)} {unit}" for size, unit in UNITS if seconds >= size), "0 s")


def _facts(place: Workplace, state: dict[str, Any], now: datetime) -> dict[str, Any]:
    manifest = state["manifest"] or {}
    entries = place.journal.entries(state["name"])
    at = next((entry.at for entry in reversed(entries) if entry.event == "active"), None)
    age = None if at is None or state["release"] is None else max(now - at, timedelta())
    return {
        "name": state["name"],
        "state": state["state"],
        "release": state["release"],
        "ageSeconds": None if age is None else round(age.total_seconds(), 1),
        "workers": state["workers"],
        "memoryMiB": state["memoryMiB"],
        "workersWanted": state["workersWanted"],
        "memoryLimitMiB": manifest.get("memory_mib"),
        "inFlight": state["inFlight"],
        "concurrencyLimit": manifest.get("concurrency"),
        "timeoutSeconds": manifest.get("timeout_s"),
        "restarts": state["restarts"],
        "draining": state["draining"],
        "failedStep": state["failedStep"],
        "failure": state["failure"],
    }


def _undeployed(name: str) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("release", "ageSeconds", "workersWanted", "memoryLimitMiB", "concurrencyLimit", "timeoutSeconds")
    )
    counts = {"workers": [], "memoryMiB": 0.0, "inFlight": 0, "restarts": 0, "draining": []}
    return {"name": name, "state": "not deployed", **nothing, **counts, "failedStep": None, "failure": None}


def _row(facts: dict[str, Any]) -> tuple[Cell, ...]:
    age, fault = facts["ageSeconds"], (facts["failure"] or "").strip().splitlines()
    return (
        facts["name"],
        (facts["state"], STATE_COLOURS.get(facts["state"], "")),
        facts["release"] or "-",
        "-" if age is None else since(age),
        f"{len(facts['workers'])}/{_number(facts['workersWanted'])}",
        f"{facts['memoryMiB']:.0f}/{_number(_times(facts, 'memoryLimitMiB'))}",
        f"{facts['inFlight']}/{_number(_times(facts, 'concurrencyLimit'))}",
        _number(facts["timeoutSeconds"], " s"),
        str(facts["restarts"]),
        f"{facts['failedStep']}: {fault[-1]}" if fault else "-",
    )


def _times(facts: dict[str, Any], limit: str) -> float | None:
    """A limit of each worker for all of them."""
    return None if facts[limit] is None else facts[limit] * (facts["workersWanted"] or 1)


def _number(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:g}{unit}"
