"""`edge up`, `edge down`, `edge status`."""

import json
import signal
import time
from contextlib import suppress
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from ops.cli.exits import NoHostError
from ops.cli.settings import on_terminal, plain_errors, read_settings
from ops.lifeline import adopt_orphans, die_with_parent
from ops.stack.folders import Folders
from ops.stack.instance import InstanceError
from ops.stack.shutdown import stop_from_outside
from ops.stack.stack import Stack

TICK_S = 0.25
REFRESH_TICKS = 4
STATE_COLOURS = {"running": "green", "serving": "green", "starting": "yellow", "down": "red", "failed": "red"}


@click.command()
@click.option("--with-parent", is_flag=True, help="Stop when the process that started this one ends.")
def up(*, with_parent: bool) -> None:
    """Start PostgreSQL, the model server, the functions and nginx, and keep them running.

    Stays in the foreground; Ctrl-C or `edge down` stops everything. Parts named by EDGE_DATABASE_URL and
    EDGE_OLLAMA_URL are used as they are instead of the embedded ones.

    \b
    Examples:
      edge up
      EDGE_HOME=/srv/edge EDGE_PORT=9000 edge up
      EDGE_OLLAMA_URL=http://127.0.0.1:11434 EDGE_EMBED_MODEL=nomic-embed-text edge up
    """
    if with_parent:
        die_with_parent(signal.SIGTERM)
    adopt_orphans()
    console = Console(highlight=False)
    stack = Stack(read_settings(), lambda line: _say(console, line))
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupt)
    try:
        with plain_errors(Exception), console.status("starting", spinner="line"):
            stack.start()
        _print_welcome(console, stack)
        _watch(console, stack)
    except KeyboardInterrupt:
        _say(console, "stopping")
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        stack.stop()
    _say(console, "stopped")


@click.command()
def down() -> None:
    """Stop the stack of this EDGE_HOME, and whatever processes a killed one left behind."""
    with plain_errors(OSError, InstanceError):
        click.echo(stop_from_outside(read_settings().home))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def status(*, as_json: bool) -> None:
    """Show the parts of the running stack, their state, restarts and memory."""
    folders = Folders(read_settings().home)
    if (state := folders.told()) is None:
        raise NoHostError(_silence(folders))
    if as_json:
        click.echo(json.dumps(state))
    else:
        Console(highlight=False).print(_table(state["parts"]))


def _say(console: Console, line: str) -> None:
    """A line that cannot be written (a full disk, a reader that went away) must not end what serves."""
    with suppress(OSError):
        console.print(line, markup=False, soft_wrap=True)


def _silence(folders: Folders) -> str:
    if (pid := folders.owner_pid()) is not None:
        return f"the stack in {folders.home} (pid {pid}) is not up yet"
    return f"nothing runs in {folders.home}: start it with `make up` or `edge up`"


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _watch(console: Console, stack: Stack) -> None:
    """Keep the parts running until interrupted; on a terminal, show them."""
    live = Live(console=console, auto_refresh=False) if on_terminal() else None
    ticks = 0
    if live:
        live.start()
    try:
        while True:
            stack.tick()
            if ticks % REFRESH_TICKS == 0:
                stack.look_around()
                if live:
                    live.update(_table(stack.rows()), refresh=True)
            ticks += 1
            time.sleep(TICK_S)
    finally:
        if live:
            live.stop()


def _print_welcome(console: Console, stack: Stack) -> None:
    body = '{"query": "how much is a beard trim?", "shopId": 1}'
    lines = (
        "",
        f"Cutting Edge is up: {stack.address}",
        "",
        "Try it:",
        f"  curl -s {stack.address}/api/knowledge/search -H 'Content-Type: application/json' -d '{body}'",
        "",
        f"Logs:   {stack.instance.logs}",
        f"Docs:   {stack.address}/docs",
        "Stop:   Ctrl-C here, or `make down`",
        "",
    )
    for line in lines:
        _say(console, line)


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table("part", "state", "pid", "restarts", "MiB", "fault", box=None, pad_edge=False)
    for row in rows:
        colour = STATE_COLOURS.get(row["state"], "white")
        cells = (row["pid"], row["restarts"], row["memoryMiB"], (row["fault"] or "").splitlines()[-1:] or "")
        shown = ["-" if cell is None else cell[0] if isinstance(cell, list) else str(cell) for cell in cells]
        table.add_row(row["name"], f"[{colour}]{row['state']}[/]", *shown)
    return table
