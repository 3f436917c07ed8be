"""The host: all functions of one instance, what it is asked on its control socket, and its orderly end."""

import asyncio
import os
import signal
import traceback
from collections.abc import Callable
from typing import Any

from ops.host import control, records
from ops.host.generation import Places
from ops.host.hosted import TICK_S, HostedFunction
from ops.host.limits import Strays, children, descendants, end
from ops.host.nursery import Nursery
from ops.host.process import Predecessor
from ops.host.releases import Releases
from ops.host.spec import StepFailedError
from ops.host.watch import Rules

Emit = Callable[[dict[str, Any]], None]


class Host:
    """Knows neither `core` nor what a function does: both come from a release."""

    def __init__(self, places: Places, releases: Releases, rules: Rules) -> None:
        self._places = places
        self._releases = releases
        self._rules = rules
        self._nursery = Nursery()
        self._strays = Strays()
        self.functions: dict[str, HostedFunction] = {}

    async def run(self) -> None:
        """Bring up what the journal names, answer on the control socket, and drain everything at SIGTERM or SIGINT."""
        stopped = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
        self._inherit()
        server = await control.listen(self._places.run_dir, self._answer)
        work = [asyncio.create_task(function.bring_up()) for function in self.functions.values()]
        work.append(asyncio.create_task(self._tick()))
        await stopped.wait()
        server.close()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await asyncio.gather(*(function.stop() for function in self.functions.values()))
        self._nursery.close()
        end(descendants(os.getpid()))  # what workers started and left behind

    def _function(self, name: str) -> HostedFunction:
        if name not in self.functions:
            self.functions[name] = HostedFunction(name, self._places, self._releases, self._nursery, self._rules)
        return self.functions[name]

    def _inherit(self) -> None:
        """Find workers that an earlier host left serving; sockets without any are swept."""
        found = records.living(self._places.records)
        for name in {*self._releases.journal.names(), *(record.name for record in found)}:
            numbers = [_number(path.name) for path in self._places.run_dir.glob(f"{name}.*.sock")]
            mine = [Predecessor(record) for record in found if record.name == name]
            self._function(name).inherit(mine, max(numbers, default=0))
            served = {predecessor.generation for predecessor in mine}
            for path in self._places.run_dir.glob(f"{name}.*.sock"):
                if _number(path.name) not in served:
                    path.unlink()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            living = children(os.getpid())
            self._strays.end(living - self._nursery.own(living))
            for function in [*self.functions.values()]:
                try:
                    function.tick()
                except Exception:  # noqa: BLE001 - the other functions are to be watched on
                    function.tell(f"watching it failed: {traceback.format_exc()}")

    async def _answer(self, request: dict[str, Any], emit: Emit) -> dict[str, Any]:
        match request:
            case {"op": "status"}:
                functions = [self.functions[name].state() for name in sorted(self.functions)]
                return {"pid": os.getpid(), "zygote": self._nursery.pid, "functions": functions}
            case {"op": "deploy", "name": str(name), "release": str(release)}:
                return await self._deploy(name, release, str(request.get("by", "unknown")), emit)
            case other:
                return {"error": f"unknown request {other!r}; known: status, deploy (name, release)"}

    async def _deploy(self, name: str, release: str, by: str, emit: Emit) -> dict[str, Any]:
        function = self._function(name)
        try:
            await function.deploy(release, by=by, note=lambda step: emit({"step": step}))
        except StepFailedError as error:
            return {"ok": False, "step": error.step, "reason": error.reason, "state": function.state()}
        return {"ok": True, "state": function.state()}


def _number(socket_name: str) -> int:
    return int(socket_name.split(".")[1])
