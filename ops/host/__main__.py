"""`python -m ops.host`: run the functions that the journal names until SIGTERM."""

import argparse
import asyncio
import signal
from pathlib import Path

from ops.host.cgroup import Cgroups
from ops.host.generation import Places
from ops.host.host import Host
from ops.host.releases import Releases
from ops.host.watch import DRAIN_S, Rules, Triggers
from ops.lifeline import adopt_orphans, die_with_parent
from ops.release.journal import Journal
from ops.release.store import Store


def main() -> None:
    """Parse the command line and run the host in the foreground."""
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
    given = parser.parse_args()
    if given.die_with_parent:
        die_with_parent(signal.SIGTERM)
    adopt_orphans()
    places = Places(given.run, given.logs, given.socket_gid, given.lifeline, Cgroups.find())
    releases = Releases(Store(given.releases), Journal(given.journal))
    asyncio.run(Host(places, releases, Rules(Triggers.read(given.watch_scale), given.drain_s)).run())


if __name__ == "__main__":
    main()
