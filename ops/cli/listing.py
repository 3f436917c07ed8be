"""`edge list`: each function, what serves it, and what it may use."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from ops.cli.table import STATE_COLOURS, Cell, show
from ops.cli.workplace import Workplace, json_option, open_workplace, root_option
from ops.release.closure import function_names
from ops.release.departures import departures, told
from ops.release.journal import Entry

COLUMNS = ("function", "state", "release", "age", "workers", "MiB", "busy", "limit", "restarts", "note")
NUMBERS = frozenset(COLUMNS) - {"function", "state", "release", "note"}
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@click.command("list")
@root_option
@json_option
def list_(*, root: Path, as_json: bool) -> None:
    """Show the functions: release and since when it serves, workers, memory and requests beside their limits.

    `workers` are those that serve and how many there are to be. `MiB` is their own memory and what they may use, `busy`
    are requests in hand and how many they take, one more is answered 503 with Retry-After: both limits are each
    worker's, times their number. `limit` is the time of a request. `note` tells of a fault, of a release that was gone
    back from, and of those that still answer (draining). Functions of the tree that were never deployed are listed too.

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
        shown = len(COLUMNS) if any(_note(row) for row in rows) else len(COLUMNS) - 1
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
        "left": _left(entries),
    }


def _left(entries: Sequence[Entry]) -> str | None:
    """What was gone back from to what serves now, and why; None when something else came before it."""
    last = next((entry for entry in reversed(entries) if entry.event == "active"), None)
    left = departures(entries).get(last.previous or "") if last is not None else None
    return None if left is None else f"{left.release} {told(left)}"


def _undeployed(name: str) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("release", "ageSeconds", "workersWanted", "memoryLimitMiB", "concurrencyLimit", "timeoutSeconds")
    )
    counts = {"workers": [], "memoryMiB": 0.0, "inFlight": 0, "restarts": 0, "draining": []}
    faults = dict.fromkeys(("failedStep", "failure", "left"))
    return {"name": name, "state": "not deployed", **nothing, **counts, **faults}


def _row(facts: dict[str, Any]) -> tuple[Cell, ...]:
    age = facts["ageSeconds"]
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
        _note(facts) or "-",
    )


def _note(facts: dict[str, Any]) -> str:
    fault = (facts["failure"] or "").strip().splitlines()[-1:]
    notes = [f"{facts['failedStep']}: {line}" for line in fault] or [facts["left"]]
    draining = ", ".join(dict.fromkeys(facts["draining"]))
    return "; ".join(note for note in (*notes, draining and f"draining {draining}") if note)


def _times(facts: dict[str, Any], limit: str) -> float | None:
    """A limit of each worker for all of them."""
    return None if facts[limit] is None else facts[limit] * (facts["workersWanted"] or 1)


def _number(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:g}{unit}"
