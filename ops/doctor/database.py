"""Is the database what it must be, and are functions bound by row-level security?"""

from collections.abc import Iterator

from core.db.requirements import application_requirements, requirements
from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok


def examine(box: Box) -> Iterator[Finding]:
    """Ask it as its owner and as the functions do."""
    missing = requirements(box.owner_dsn)
    missing += [] if missing else application_requirements(box.application_dsn)
    for detail in missing:
        yield fault(detail, "`edge logs postgres`, or the log of the server in EDGE_DATABASE_URL, says more")
    if not missing:
        yield ok("it answers, and functions are bound by row-level security")
