"""`edge remove`: a function that is not to be served any more."""

import json
import time
from pathlib import Path
from typing import Any

import click

from ops.cli.naming import complete_function, require_known
from ops.cli.supervising import wait_routed
from ops.cli.workplace import Workplace, json_option, open_workplace, operator, root_option

PATIENCE_S = 60.0
POLL_S = 0.05
SILENCE_S = 120.0  # a deploy of the function may go on before it


@click.command()
@click.argument("name", shell_complete=complete_function)
@root_option
@json_option
def remove(*, name: str, root: Path, as_json: bool) -> None:
    """Take a function away: nginx forgets its routes, its workers finish what they have begun, its socket goes.

    It stays away over restarts, also when its source is still in the tree. Releases and history are kept: `edge deploy
    NAME` and `edge rollback NAME` bring it back.

    \b
    Exit status: 0 done, 1 failed, 2 wrong usage, 4 no host answers.

    \b
    Examples:
      edge remove greeting
      edge remove greeting && edge rollback greeting
    """
    place = open_workplace(root)
    require_known(place, name)
    running = place.functions().get(name)
    release = (running or {}).get("release") or place.journal.active(name)
    if running is None or (release is None and running["state"] != "removed"):
        raise click.BadParameter(f"{name} is not served: there is nothing to remove", param_hint="NAME")
    answer = place.ask({"op": "remove", "name": name, "by": operator("remove")}, timeout_s=SILENCE_S)
    if not answer.get("ok"):
        raise click.ClickException(str(answer.get("reason")))
    _wait_unrouted(place, name)
    if as_json:
        click.echo(json.dumps({"function": name, "removed": release}))
    else:
        click.echo(f"{name} removed; `edge deploy {name}` or `edge rollback {name}` brings it back")


def _wait_unrouted(place: Workplace, name: str) -> None:
    """Until no visitor comes to it any more; what it has begun may go on after that."""
    wait_routed(place)  # what it may complain of is found below
    deadline = time.monotonic() + PATIENCE_S
    while (state := _state(place, name)) == "removed":
        if time.monotonic() > deadline:
            raise click.ClickException(
                f"{name} is removed, but nginx still has its routes: `edge doctor` says why, and what `edge up` prints"
            )
        time.sleep(POLL_S)
    if state == "serving":
        raise click.ClickException(f"{name} was deployed again meanwhile")


def _state(place: Workplace, name: str) -> Any:
    return place.functions().get(name, {}).get("state")
