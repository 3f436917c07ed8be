"""`python -m ops.host`: run the functions that the journal names until SIGTERM."""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from ops.host.cgroup import Cgroups
from ops.host.host import Host
from ops.host.places import Places
from ops.host.releases import Releases
from ops.host.spec import StepFailedError
from ops.host.succession import Tell
from ops.host.watch import DRAIN_S, Rules
from ops.lifeline import adopt_orphans, die_with_parent
from ops.release.journal import Journal
from ops.release.store import Store

REFUSED_EXIT = 3


def main() -> None:
    """Parse the command line and run the host in the foreground.

    Exit status 3 when it was to take another's place and could not.
    """
    parser = argparse.ArgumentParser(prog="python -m ops.host", description=__doc__)
    parser.add_argument("--releases", type=Path, required=True, help="folder of releases")
    parser.add_argument("--journal", type=Path, required=True, help="folder of the functions' journals")
    parser.add_argument("--run", type=Path, required=True, help="folder for sockets")
    parser.add_argument("--logs", type=Path, required=True, help="folder for the functions' logs")
    parser.add_argument("--socket-gid", type=int, help="group that may connect to the functions' sockets")
    parser.add_argument("--lifeline", type=int, help="descriptor whose other end closes with the supervisor")
    parser.add_argument("--watch-scale", type=float, default=1.0, help="multiplies the times of the rollback triggers")
    parser.add_argument("--drain-s", type=float, default=DRAIN_S, help="how long a release that left may finish")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process does")
    parser.add_argument("--workers", default="", help="numbers of workers over the manifests', as search=2,learn=3")
    parser.add_argument("--has-router", action="store_true", help="a removed function answers until `forget` is asked")
    parser.add_argument("--succeed", type=int, help="take the place of the host that serves; descriptor to report to")
    given = parser.parse_args()
    if given.die_with_parent:
        die_with_parent(signal.SIGTERM)
    adopt_orphans()
    places = Places(given.run, given.logs, given.socket_gid, given.lifeline, Cgroups.find())
    places.make()
    releases = Releases(Store(given.releases), Journal(given.journal))
    workers = {name: int(count) for name, count in (pair.split("=") for pair in given.workers.split(",") if pair)}
    rules = Rules(given.watch_scale, given.drain_s, workers, given.has_router)
    tell = None if given.succeed is None else _reporter(given.succeed)
    try:
        asyncio.run(_run(places, releases, rules, tell))
    except (StepFailedError, OSError) as error:
        if tell is None:
            raise
        step, reason = (error.step, str(error)) if isinstance(error, StepFailedError) else ("start", repr(error))
        tell({"failed": reason, "at": step})
        sys.exit(REFUSED_EXIT)


async def _run(places: Places, releases: Releases, rules: Rules, tell: Tell | None) -> None:
    await Host(places, releases, rules).run(tell)


def _reporter(descriptor: int) -> Tell:
    """Write a line of JSON for each step; whoever started this process reads them."""
    os.set_inheritable(descriptor, False)

    def tell(message: dict[str, Any]) -> None:
        os.write(descriptor, json.dumps(message).encode() + b"\n")

    return tell


if __name__ == "__main__":
    main()
