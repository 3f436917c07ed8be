"""`edge status`."""

import json
from typing import TYPE_CHECKING, Any

import click

from ops.cli.exits import NoHostError
from ops.cli.settings import read_settings
from ops.cli.table import STATE_COLOURS, show
from ops.cli.terminal import on_terminal
from ops.stack.folders import Folders
from ops.stack.telling import STALE_S, age_s, told_now

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("part", "state", "pid", "restarts", "MiB", "fault")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def status(*, as_json: bool) -> None:
    """Show the parts of the running stack, their state, restarts and memory.

    \b
    Exit status: 0 done, 1 what is shown is old: the stack neither writes it anew nor answers, 4 nothing runs here.

    \b
    Examples:
      edge status
      edge status --json | jq '.parts[] | select(.state == "down")'
    """
    folders = Folders(read_settings().home)
    if (state := told_now(folders)) is None:
        raise NoHostError(_silence(folders))
    if as_json:
        click.echo(json.dumps(state))
    elif on_terminal():
        from rich.console import Console

        Console(highlight=False).print(table(state["parts"]))
    else:
        show(COLUMNS, [(row["name"], row["state"], *_cells(row)) for row in state["parts"]])
    if (age := age_s(state)) > STALE_S:
        raise click.ClickException(
            f"this was so {age:.0f} s ago: `edge up` (pid {state['pid']}) has neither written it since nor answers now"
        )


def _silence(folders: Folders) -> str:
    if (pid := folders.owner_pid()) is not None:
        return f"the stack in {folders.home} (pid {pid}) is not up yet"
    return f"nothing runs in {folders.home}: start it with `make up` or `edge up`"


def table(rows: list[dict[str, Any]]) -> "Table":
    """The parts for a terminal."""
    from rich.table import Table

    found = Table(*COLUMNS, box=None, pad_edge=False)
    for row in rows:
        colour = STATE_COLOURS.get(row["state"], "white")
        found.add_row(row["name"], f"[{colour}]{row['state']}[/]", *_cells(row))
    return found


def _cells(row: dict[str, Any]) -> list[str]:
    fault = (row["fault"] or "").splitlines()[-1:]
    cells = (row["pid"], row["restarts"], row["memoryMiB"], fault[0] if fault else "")
    return ["-" if cell is None else str(cell) for cell in cells]
