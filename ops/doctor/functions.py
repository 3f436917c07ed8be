"""Does every function serve, with as many workers as it is to have?"""

from collections.abc import Iterator

from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, warning


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
        else:
            yield ok(f"{name} serves release {function['release']} with {workers} of {wanted} workers")
