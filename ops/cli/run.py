"""`edge up`."""

import signal
from contextlib import suppress

import click
from rich.console import Console
from rich.live import Live

from ops.cli.interrupts import Interrupts
from ops.cli.settings import plain_errors, read_settings
from ops.cli.status import table
from ops.cli.terminal import on_terminal
from ops.lifeline import adopt_orphans, die_with_parent
from ops.stack.stack import Stack

TICK_S = 0.25
REFRESH_TICKS = 4


@click.command()
@click.option("--with-parent", is_flag=True, help="Stop when the process that started this one ends.")
def up(*, with_parent: bool) -> None:
    """Start PostgreSQL, the model server, the functions and nginx, and keep them running.

    Stays in the foreground; Ctrl-C or `edge down` stops everything: nobody new is let in, streams are ended, and
    requests are answered within the time that their function has; a second Ctrl-C cuts them. Parts named by
    EDGE_DATABASE_URL and EDGE_OLLAMA_URL are used as they are instead of the embedded ones.

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
    interrupts = Interrupts()
    try:
        with plain_errors(Exception), console.status("starting", spinner="line"):
            stack.start()
        interrupts.wait_for()
        _print_welcome(console, stack)
        _watch(console, stack, interrupts)
        _say(console, "stopping")
    except KeyboardInterrupt:
        _say(console, "stopping")
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal that closes says so more than once
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda *_: stack.cut())
        stack.stop()
    _say(console, "stopped")


def _say(console: Console, line: str) -> None:
    """A line that cannot be written (a full disk, a reader that went away) must not end what serves."""
    with suppress(OSError):
        console.print(line, markup=False, soft_wrap=True)


def _watch(console: Console, stack: Stack, interrupts: Interrupts) -> None:
    """Keep the parts running until interrupted; on a terminal, show them."""
    live = Live(console=console, auto_refresh=False) if on_terminal() else None
    ticks = 0
    if live:
        live.start()
    try:
        while not interrupts.came:
            stack.tick()
            if ticks % REFRESH_TICKS == 0:
                stack.look_around()
                if live:
                    live.update(table(stack.rows()), refresh=True)
            ticks += 1
            stack.wait(TICK_S, interrupts.waking)
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
