"""`edge logs`: of a function or of a part of the stack."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path

import click

from ops.cli.lines import in_order, pretty
from ops.cli.naming import complete_function, known_functions
from ops.cli.tailing import Log
from ops.cli.terminal import on_terminal
from ops.cli.workplace import Workplace, open_workplace, root_option

PARTS = {
    "host": ("host.log",),
    "model": ("model.log",),
    "nginx": ("nginx/access.json", "nginx/error.log", "nginx/stderr.log"),
    "postgres": ("postgres.log",),
    "upkeep": ("upkeep.log",),
}
POLL_S = 0.1


def _complete_log(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    parts = [name for name in PARTS if name.startswith(incomplete)]
    return [*complete_function(ctx, param, incomplete), *parts]


@click.command()
@click.argument("name", shell_complete=_complete_log)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("-n", "count", type=click.IntRange(0), default=20, show_default=True, help="Lines of what is there.")
@click.option("--json", "raw", is_flag=True, help="The lines as they are written, on a terminal too.")
@root_option
def logs(*, name: str, follow: bool, count: int, raw: bool, root: Path) -> None:
    """Show the end of the log of a function, or of a part: host, model, nginx, postgres, upkeep.

    A function writes one JSON line a request, and one for what it has to say. On a terminal they are shown for
    reading; elsewhere, and with --json, they come as they are. A log that is rotated is followed into its new file.

    \b
    Examples:
      edge logs search
      edge logs nginx -f
      edge logs search -n 1000 | jq 'select(.status >= 500)'
    """
    paths = _paths(open_workplace(root), name)
    if not follow and not any(path.exists() for path in paths):
        raise click.ClickException(f"there is no log yet: {', '.join(map(str, paths))}")
    found = [Log(path) for path in paths]
    _show(in_order(log.tail(count) for log in found)[-count:] if count else [], raw=raw)
    try:
        while follow:
            time.sleep(POLL_S)
            _show(in_order(log.read() for log in found), raw=raw)
    except KeyboardInterrupt:
        return
    finally:
        for log in found:
            log.close()


def _paths(place: Workplace, name: str) -> list[Path]:
    log_dir = place.folders.logs
    if name in PARTS:
        return [log_dir / file for file in PARTS[name]]
    path = log_dir / f"{name}.log"
    if name not in (known := known_functions(place)):
        raise click.BadParameter(f"there is no log {name!r}; there are: {', '.join([*known, *PARTS])}")
    return [path]


def _show(lines: Iterable[bytes], *, raw: bool) -> None:
    as_read = raw or not on_terminal()
    for line in lines:
        click.echo(line if as_read else pretty(line))
    sys.stdout.flush()
