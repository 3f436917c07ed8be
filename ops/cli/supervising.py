"""What a command asks of `edge up`, the supervisor of the stack."""

from typing import Any

import click

from ops.cli.exits import NoHostError
from ops.cli.workplace import Workplace
from ops.host import control
from ops.stack.requests import SOCKET_NAME

ROUTE_PATIENCE_S = 20.0  # a reload of nginx is given 10 s


def ask(
    place: Workplace, request: dict[str, Any], *, silence_s: float, progress: control.Emit | None
) -> dict[str, Any]:
    """One request; raises NoHostError, and ClickException when it is silent or does not understand."""
    try:
        answer = control.ask(place.folders.run, request, timeout_s=silence_s, progress=progress, name=SOCKET_NAME)
    except TimeoutError as error:
        raise click.ClickException(f"`edge up` has not answered for {silence_s:g} s") from error
    except OSError as error:
        raise NoHostError(f"no `edge up` answers in {place.folders.home} ({error}): start it with `make up`") from error
    if "error" in answer:
        raise click.ClickException(str(answer["error"]))
    return answer


def wait_routed(place: Workplace) -> str | None:
    """Have nginx route what serves now; returns why it does not. A host that runs without `edge up` has no nginx."""
    try:
        answer = ask(place, {"op": "route"}, silence_s=ROUTE_PATIENCE_S, progress=None)
    except NoHostError:
        return None
    except click.ClickException as error:
        return error.message
    return None if answer.get("ok") else str(answer.get("reason"))
