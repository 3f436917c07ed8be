"""`edge doctor`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ops.cli.exits import Exit
from ops.cli.settings import read_settings
from ops.cli.workplace import json_option, root_option

if TYPE_CHECKING:
    from ops.doctor.checks import Result

COLOURS = {"ok": "green", "warning": "yellow", "unknown": "magenta", "fault": "red"}
WELL = {"ok", "warning"}


def _complete_check(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from ops.doctor.checks import CHECKS

    return [name for name in CHECKS if name.startswith(incomplete)]


@click.command()
@click.option(
    "--check",
    "chosen",
    multiple=True,
    metavar="NAME",
    shell_complete=_complete_check,
    help="Only this check; may be given several times.",
)
@root_option
@json_option
def doctor(*, chosen: tuple[str, ...], root: Path, as_json: bool) -> None:
    """Look for what is wrong with the instance that runs, and say what to do about each thing found.

    Changes nothing. Asks functions, database and model as their users do: a model that is gone while the health page
    says ok is found. Needs the settings of `edge up` in its environment.

    \b
    Exit status: 0 all is well, also with warnings, 1 a fault, or something that could not be looked at, 2 wrong usage.

    \b
    Examples:
      edge doctor
      edge doctor --check nginx --check writes
      edge doctor --json | jq '.findings[] | select(.level != "ok")'
    """
    from ops.doctor.box import Box
    from ops.doctor.checks import CHECKS, run

    if unknown := [name for name in chosen if name not in CHECKS]:
        raise click.BadParameter(f"there is no check {', '.join(unknown)}; there are: {', '.join(CHECKS)}")
    results = []
    for result in run(Box(read_settings(), root.absolute()), chosen or CHECKS):
        results.append(result)
        if not as_json:
            _show(result)
    is_well = all(result.finding.level in WELL for result in results)
    if as_json:
        click.echo(json.dumps({"healthy": is_well, "findings": [_plain(result) for result in results]}))
    sys.exit(Exit.DONE if is_well else Exit.FAILED)


def _show(result: "Result") -> None:
    finding = result.finding
    level = click.style(f"{finding.level.value:<8}", fg=COLOURS[finding.level.value])
    click.echo(f"{level} {result.check:<13} {finding.detail}")
    if finding.remedy is not None:
        click.echo(f"{'':<22} → {finding.remedy}")


def _plain(result: "Result") -> dict[str, Any]:
    finding = result.finding
    return {
        "check": result.check,
        "level": finding.level.value,
        "detail": finding.detail,
        "remedy": finding.remedy,
    }
