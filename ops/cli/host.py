"""`edge host upgrade`: a new host in the place of the one that serves."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from ops.cli import supervising
from ops.cli.exits import Exit
from ops.cli.workplace import json_option, open_workplace

SILENCE_S = 200.0  # the supervisor gives up before
STEPS = {
    "start": "starting a new host",
    "yield": "the host that serves holds still",
    "gate": "all functions come up beside those that serve",
    "flip": "switching",
    "leave": "the host before leaves",
}


@click.group()
def host() -> None:
    """The process that runs the functions.

    \b
    Examples:
      edge host upgrade            new dependencies, a new Python, new host code: without losing a request
      edge host upgrade --json     for a script
    """


@host.command()
@click.option(
    "--python",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The interpreter to run from now on; without it the one of the host that serves, as it is installed now.",
)
@json_option
def upgrade(*, python: Path | None, as_json: bool) -> None:
    """Start a new host beside the one that serves, and switch all functions to it.

    The new one runs what is installed now: dependencies, Python and the host's own code. It brings up each function's
    active release and asks its smoke requests; when all have answered as declared it switches, and the host before
    ends. Its workers finish what they have begun. When anything fails, the host before serves on, and the reason is
    said. `edge up` itself is not replaced: that takes a restart.

    \b
    Exit status: 0 done, 1 failed, 3 the new host or a function in it did not come up, 4 nothing runs here.

    \b
    Examples:
      .venv/bin/pip install --no-deps --require-hashes -r requirements/run.txt && edge host upgrade
      edge host upgrade --python /srv/python3.13/bin/python
    """
    answer = _ask({"op": "upgrade", "python": None if python is None else str(python.absolute())}, quiet=as_json)
    if as_json:
        click.echo(json.dumps(answer))
    elif answer.get("ok"):
        click.echo(f"host {answer['pid']} serves, in the place of {answer['before']}")
    else:
        lines = str(answer.get("reason")).splitlines()
        click.echo("\n".join([f"{answer.get('step')} failed", *(f"  {line}" for line in lines)]), err=True)
        click.echo(_after(answer.get("step")), err=True)
    sys.exit(Exit.DONE if answer.get("ok") else Exit.REFUSED)


def _after(step: str | None) -> str:
    """Who serves after a failure in `step`."""
    if step in {"flip", "leave"}:
        return "`edge up` ended both hosts and starts one anew; the functions' workers serve on"
    return "what served before serves on"


def _ask(request: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    def show(message: dict[str, Any]) -> None:
        if not quiet:
            click.echo(STEPS.get(message["step"], message["step"]))

    return supervising.ask(open_workplace(), request, silence_s=SILENCE_S, progress=show)
