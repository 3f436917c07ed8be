"""What a drill that went well has measured, and one thing that went otherwise."""

from typing import Any

import msgspec

from ops.drill.ledger import Writes
from ops.drill.run import DeployRow, Drilled, Options
from ops.drill.tally import Load, Tally

NONE = Writes(rows=9, lost=0, doubled=0, unacknowledged=0, unasked=0)
LOAD = Load(
    host="", port=0, rate=1, mix=(), streams=1, stream_s=1, first_id=1, acknowledged_path="", lying="bad", warm_up_s=0
)


def drilled(deploys: int = 100, built: int = 0, took_s: float = 0.1, **of_result: Any) -> Drilled:
    """`built` and `took_s` are of a rollback, `of_result` of the run with deploys."""
    well = msgspec.structs.replace(Tally(LOAD).result(), least_streams_open=20)
    failed = of_result.get("failed", 0)
    return Drilled(
        deploys=tuple(row("rollback", built, took_s) if number == 0 else row() for number in range(deploys)),
        under_deploys=msgspec.structs.replace(well, sent=failed, **of_result),
        writes=NONE,
        undisturbed=well,
        undisturbed_writes=NONE,
        host_kills=0,
        host_upgrades=0,
    )


def row(kind: str = "sound", built: int = 0, took_s: float = 0.1) -> DeployRow:
    return DeployRow(
        function="plain", kind=kind, expected="serves", as_expected=True, took_s=9.9, built=built, new_code_s=took_s
    )


def options(**given: Any) -> Options:
    plain = Options(
        requests=0, rate=1, streams=1, stream_s=1, slow_import_s=1, watch_scale=1, brief=False, kill_host=False
    )
    return msgspec.structs.replace(plain, **given)
