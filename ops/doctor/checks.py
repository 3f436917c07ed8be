"""All checks in the order in which they are told; a new one is a module with `examine`, and a line here."""

from collections.abc import Callable, Iterable

import msgspec

from ops.doctor import (
    certificates,
    configuration,
    cors,
    database,
    disk,
    functions,
    handoffs,
    health,
    levels,
    memory,
    model,
    outbox,
    ports,
    privacy,
    releases,
    shops,
    vectors,
    writes,
)
from ops.doctor.box import Box
from ops.doctor.finding import Finding, unknown
from ops.slo import LevelsError

Examine = Callable[[Box], Iterable[Finding]]
CHECKS: dict[str, Examine] = {
    "functions": functions.examine,
    "releases": releases.examine,
    "nginx": configuration.examine,
    "ports": ports.examine,
    "levels": levels.examine,
    "certificates": certificates.examine,
    "cors": cors.examine,
    "writes": writes.examine,
    "database": database.examine,
    "shops": shops.examine,
    "handoffs": handoffs.examine,
    "outbox": outbox.examine,
    "model": model.examine,
    "vectors": vectors.examine,
    "memory": memory.examine,
    "health": health.examine,
    "privacy": privacy.examine,
    "disk": disk.examine,
}


class Result(msgspec.Struct, frozen=True):
    """One finding and the check that it is of."""

    check: str
    finding: Finding


def run(box: Box, names: Iterable[str] = CHECKS) -> Iterable[Result]:
    """Each finding as soon as it is made; a check that breaks is itself one, and does not keep the others."""
    for name in names:
        try:
            for finding in CHECKS[name](box):
                yield Result(name, finding)
        except LevelsError:
            yield Result(name, unknown("there is no level to judge it by: see the check `levels`"))
        except Exception as error:  # noqa: BLE001 - whatever a sick box does to a check
            yield Result(name, unknown(f"the check broke: {type(error).__name__}: {error}"))
