"""Can the service levels be read, by which alerts are made and releases are taken back?"""

from collections.abc import Iterator

from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok
from ops.slo.levels import load, load_rollback
from ops.slo.slips import LevelsError


def examine(_: Box) -> Iterator[Finding]:
    """Read them as everybody does who judges by them."""
    try:
        load_rollback()
    except LevelsError as error:
        yield fault(
            f"{error}; the host takes no release back by itself",
            "mend it, and deploy again (`edge deploy --all`) what was switched to meanwhile",
        )
        return
    try:
        load()
    except LevelsError as error:
        yield fault(f"{error}; neither `edge slo` nor a load test can judge by it", "mend it")
        return
    yield ok("the service levels can be read")
