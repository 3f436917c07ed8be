"""`python -m ops.host`: run the functions of a folder until SIGTERM."""

import argparse
import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from ops.host import control
from ops.host.hosted import HostedFunction, Places
from ops.host.nursery import Nursery
from ops.lifeline import adopt_orphans, die_with_parent


class Host:
    """All functions of one instance; knows neither `core` nor what a function does."""

    def __init__(self, names: list[str], places: Places) -> None:
        self._nursery = Nursery()
        self._places = places
        self.functions = {name: HostedFunction(name, places, self._nursery) for name in names}

    async def run(self) -> None:
        """Start every function, answer on the control socket, and drain everything at SIGTERM or SIGINT."""
        stopped = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
        for stale in self._places.run_dir.glob("*.sock"):
            if stale.name.split(".")[0] in self.functions:
                stale.unlink()
        server = await control.listen(self._places.run_dir, self._answer)
        starts = asyncio.gather(*(function.keep_trying() for function in self.functions.values()))
        await stopped.wait()
        server.close()
        starts.cancel()
        await asyncio.gather(*(function.stop() for function in self.functions.values()))
        self._nursery.close()

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("op") == "status":
            functions = [function.state() for function in self.functions.values()]
            return {"pid": os.getpid(), "zygote": self._nursery.pid, "functions": functions}
        return {"error": f"unknown operation {request.get('op')!r}; known: status"}


def main() -> None:
    """Parse the command line and run the host in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m ops.host", description=__doc__)
    parser.add_argument("functions", nargs="+", metavar="NAME", help="modules of functions/ to run")
    parser.add_argument("--root", type=Path, required=True, help="folder that holds core/ and functions/")
    parser.add_argument("--run", type=Path, required=True, help="folder for sockets")
    parser.add_argument("--logs", type=Path, required=True, help="folder for the functions' logs")
    parser.add_argument("--socket-gid", type=int, help="group that may connect to the functions' sockets")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process does")
    given = parser.parse_args()
    if given.die_with_parent:
        die_with_parent(signal.SIGTERM)
    adopt_orphans()
    places = Places(given.root, given.run, given.logs, given.socket_gid)
    asyncio.run(Host(given.functions, places).run())


if __name__ == "__main__":
    main()
