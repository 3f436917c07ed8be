"""`make drill-deploy`, `python -m ops.drill`: prove that deploys lose nothing, and say what they cost.

Exit status: 0 passed, 1 not passed, 2 the drill itself could not go on or was called wrongly. make itself ends with 2
whatever failed: a script asks `python -m ops.drill`.
"""

import argparse
import signal
import sys
from types import FrameType

from rich.console import Console

from ops.drill import report
from ops.drill.run import Drill, Options
from ops.drill.stage import StageError, staged
from ops.lifeline import adopt_orphans
from ops.slo import LevelsError, load
from ops.slo.levels import Aims
from ops.stack.environment import environment
from ops.stack.instance import InstanceError

PIPED_COLUMNS = 130
PROGRAM = "python -m ops.drill"


def main() -> int:
    """Run the drill and print its report."""
    try:
        aims = load().aims
    except LevelsError as error:
        argparse.ArgumentParser(prog=PROGRAM).error(str(error))
    given = vars(arguments(aims).parse_args())
    as_json = given.pop("json")
    options = Options(**given)
    progress = Console(stderr=True, highlight=False)
    adopt_orphans()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with staged(options.watch_scale, lambda line: progress.print(line, markup=False, soft_wrap=True)) as stage:
            where = environment(stage.settings.nginx)
            drilled = Drill(stage, options, lambda line: progress.print(line, markup=False, soft_wrap=True)).run()
    except (StageError, InstanceError) as error:
        progress.print(str(error), markup=False, soft_wrap=True)
        return 2
    found = report.faults(drilled, options, aims)
    if as_json:
        sys.stdout.write(report.as_json(drilled, options, where, found).decode() + "\n")
    else:
        report.show(
            Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_COLUMNS), drilled, where, found
        )
    return 1 if found else 0


def arguments(aims: Aims) -> argparse.ArgumentParser:
    """Of the command line."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument("--requests", type=int, default=aims.deploy_requests, help="answers under deploys, at least")
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second")
    parser.add_argument("--streams", type=int, default=24, help="server-sent event streams, open at any time")
    parser.add_argument(
        "--stream-s", type=float, default=40.0, help="seconds of the longest stream; the shortest is half"
    )
    parser.add_argument("--slow-import-s", type=float, default=10.0, help="seconds that a slow import takes")
    parser.add_argument("--watch-scale", type=float, default=0.01, help="multiplies the times of the rollback triggers")
    parser.add_argument("--brief", action="store_true", help="a few deploys of each sort, none of which takes long")
    parser.add_argument("--no-kill", dest="kill_host", action="store_false", help="do not kill the host on the way")
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    return parser


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
