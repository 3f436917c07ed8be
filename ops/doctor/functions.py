"""Does every function serve, with as many workers as it is to have?"""

from collections.abc import Iterator
from http.client import HTTPException

from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, warning
from ops.unixhttp import ask

PATIENCE_S = 3.0


def examine(box: Box) -> Iterator[Finding]:
    """Ask the host."""
    if box.host is None:
        yield fault(f"no host answers in {box.folders.home}", "start it with `make up` or `edge up`")
    for function in box.functions:
        name, workers, wanted = function["name"], len(function["workers"]), function["workersWanted"]
        if function["state"] != "serving":
            reason = (function["failure"] or "").strip().splitlines()[-1:]
            detail = f"{name} is {function['state']}" + (f": {function['failedStep']}: {reason[0]}" if reason else "")
            yield fault(detail, f"`edge logs {name}` tells more; `edge rollback {name}` goes back")
        elif workers < wanted:
            yield warning(f"{name} has {workers} of {wanted} workers", f"`edge logs host` says why, `edge logs {name}`")
        elif (silence := _silence(box, name)) is not None:
            yield fault(f"{name} does not answer on its socket: {silence}", f"`edge logs host`; `edge deploy {name}`")
        else:
            yield ok(f"{name} serves release {function['release']} with {workers} of {wanted} workers")


def _silence(box: Box, name: str) -> str | None:
    """Why the function answers nothing, not even 404. The host sees that it runs, not that it turns."""
    try:
        ask(str(box.folders.run / f"{name}.sock"), "GET", f"/metrics/{name}", timeout_s=PATIENCE_S)
    except TimeoutError:
        return f"not within {PATIENCE_S:g} s"
    except (OSError, HTTPException) as error:
        return repr(error)
    return None
