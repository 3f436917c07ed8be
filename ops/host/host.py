"""The host: all functions of one instance, what it is asked on its control socket, and its orderly end."""

import asyncio
import os
import signal
import time
import traceback
from collections.abc import Callable
from typing import Any

from ops.host import control, log, records
from ops.host.family import children, end
from ops.host.guard import Strays
from ops.host.hosted import TICK_S, HostedFunction
from ops.host.nursery import Nursery
from ops.host.places import Places
from ops.host.process import Predecessor
from ops.host.releases import Releases
from ops.host.routes import RouteTable
from ops.host.shared import Shared
from ops.host.spec import StepFailedError
from ops.host.succession import Elder, Tell, Yielding, bring_up_beside
from ops.host.vitals import NAME as VITALS
from ops.host.vitals import Vitals
from ops.host.watch import Rules
from ops.release.errors import JournalError
from ops.release.names import fault_of

Emit = Callable[[dict[str, Any]], None]
KNOWN = "status, deploy (name, release), remove (name), forget (name), yield (to), leave (to)"


class Host:
    """Knows neither `core` nor what a function does: both come from a release."""

    def __init__(self, places: Places, releases: Releases, rules: Rules) -> None:
        self._places = places
        self._releases = releases
        self._rules = rules
        self._nursery = Nursery()
        self._strays = Strays()
        self._vitals = Vitals(places.run_dir / VITALS)
        self._shared = Shared(places, releases, self._nursery, rules, RouteTable())
        self._yielding = Yielding(self._end_rivals)
        self._stopped = asyncio.Event()
        self._has_left = False
        self.functions: dict[str, HostedFunction] = {}

    async def run(self, tell: Tell | None = None) -> None:
        """Bring up what the journal names, answer on the control socket, and drain everything at SIGTERM or SIGINT.

        With `tell` it first takes the place of the host that serves; raises StepFailedError, with that one serving on.
        """
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, self._stopped.set)
        server = await (self._begin() if tell is None else self._unless_stopped(tell))
        work = [asyncio.create_task(function.bring_up()) for function in self.functions.values()]
        work.append(asyncio.create_task(self._tick()))
        await self._stopped.wait()
        if self._has_left:  # the workers are another host's now
            self._nursery.close()
            os._exit(0)
        server.close()
        self._yielding.release()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await asyncio.gather(*(function.stop() for function in self.functions.values()))
        await server.answered()
        self._nursery.close()
        end(children(os.getpid()))  # what workers started and left behind

    async def _begin(self) -> control.Listener:
        self._inherit()
        return await control.listen(self._places.run_dir, self._answer)

    async def _unless_stopped(self, tell: Tell) -> control.Listener:
        """Take over; a signal before the end of it is a failure like any other."""
        taking = asyncio.create_task(self._take_over(tell))
        stopping = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait((taking, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                taking.cancel()
                await asyncio.gather(taking, return_exceptions=True)
                raise StepFailedError("host", "start", "it was asked to stop")
            return taking.result()
        finally:
            stopping.cancel()
            if not taking.done() or taking.cancelled() or taking.exception() is not None:
                self._nursery.close()

    async def _take_over(self, tell: Tell) -> control.Listener:
        tell({"step": "yield"})
        elder = await Elder.meet(self._places.run_dir)
        serving = await elder.cede()
        for name in serving:
            self._function(name)
        highest = {name: self._highest(name) for name in serving}
        await bring_up_beside(self.functions, serving, highest, tell)
        server = await control.listen(self._places.run_dir, self._answer)
        tell({"step": "leave"})
        await elder.leave()
        self._inherit()
        tell({"ok": True})
        return server

    def _function(self, name: str) -> HostedFunction:
        if name not in self.functions:
            self.functions[name] = HostedFunction(name, self._shared)
        return self.functions[name]

    def _highest(self, name: str) -> int:
        return max((_number(path.name) for path in self._places.run_dir.glob(f"{name}.*.sock")), default=0)

    def _inherit(self) -> None:
        """Find workers that an earlier host left serving; sockets without any are swept."""
        journal = self._releases.journal
        if strays := journal.strays():
            log.write(f"not read in the folder of journals: {', '.join(strays)}")
        found = self._others()
        wanted = {name for name in journal.names() if not journal.is_removed(name)}
        for name in {*wanted, *found}:
            mine = found.get(name, [])
            function = self._function(name)
            function.inherit(mine, self._highest(name))
            served = {predecessor.generation for predecessor in mine}
            served |= {function.active.number} if function.active is not None else set()
            for path in self._places.run_dir.glob(f"{name}.*.sock"):
                if _number(path.name) not in served:
                    path.unlink()
        if self._places.cgroups is not None:
            self._places.cgroups.sweep()

    def _end_rivals(self) -> None:
        """The host that was to take over has ended: so do the workers that it had not switched to."""
        found = self._others()
        for name, function in self.functions.items():
            function.end_rivals(found.get(name, []))

    def _others(self) -> dict[str, list[Predecessor]]:
        """The workers of other hosts by function."""
        own = self._nursery.own(children(os.getpid()))
        found: dict[str, list[Predecessor]] = {}
        for record in records.living(self._places.records):
            if record.pid not in own and (met := Predecessor.meet(record, self._places.cgroups)) is not None:
                found.setdefault(record.name, []).append(met)
        return found

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            living = children(os.getpid())
            self._strays.end(living - self._nursery.own(living))
            for function in [*self.functions.values()]:
                if function.is_gone and not function.changing.locked():
                    del self.functions[function.name]
                    continue
                try:
                    function.tick()
                except Exception:  # noqa: BLE001 - the other functions are to be watched on
                    function.tell(f"watching it failed: {traceback.format_exc()}")
            self._judge()

    def _judge(self) -> None:
        try:
            readings = (reading for function in self.functions.values() for reading in function.readings())
            self._vitals.tick(time.monotonic(), readings)
        except Exception:  # noqa: BLE001 - the functions are to be watched on
            log.write(f"judging by the service levels failed: {traceback.format_exc()}")

    async def _answer(self, request: dict[str, Any], emit: Emit) -> dict[str, Any]:
        match request:
            case {"op": "status"}:
                functions = [self.functions[name].state() for name in sorted(self.functions)]
                return {"pid": os.getpid(), "zygote": self._nursery.pid, "functions": functions}
            case {"op": "yield" | "leave" as op, "to": int(pid)}:
                return await self._hand_over(op, pid)
            case {"op": "deploy" | "remove" | "forget"} if self._yielding.to is not None:
                return {"ok": False, "step": "host", "reason": "the host is being upgraded: try again when it is done"}
            case {"op": "deploy", "name": str(name), "release": str(release)}:
                reason = request.get("left")
                left = None if reason is None else str(reason)
                return await self._deploy(name, release, str(request.get("by", "unknown")), left, emit)
            case {"op": "remove" | "forget" as op, "name": str(name)} if name in self.functions:
                return await self._remove(op, name, str(request.get("by", "unknown")))
            case other:
                return {"error": f"unknown request {other!r}; known: {KNOWN}"}

    async def _hand_over(self, op: str, to: int) -> dict[str, Any]:
        if op == "yield" and self._places.lifeline_fd is None:
            return {"ok": False, "reason": "its workers would end with it: it has no lifeline"}
        if op == "yield":
            return await self._yielding.begin(to, self.functions.values())
        if to != self._yielding.to:
            return {"ok": False, "reason": f"it does not yield to process {to}"}
        self._has_left = True
        self._stopped.set()
        return {"ok": True}

    async def _deploy(self, name: str, release: str, by: str, left: str | None, emit: Emit) -> dict[str, Any]:
        """`left` is why the release that is switched from is not to be gone back to."""
        if name not in self.functions and (fault := fault_of(name)) is not None:
            return {"ok": False, "step": "name", "reason": f"{name!r} {fault}", "state": {}}
        function = self._function(name)
        try:
            await function.deploy(release, by=by, left=left, note=lambda step: emit({"step": step}))
        except StepFailedError as error:
            return {
                "ok": False,
                "step": error.step,
                "reason": error.reason,
                "log": error.said,
                "state": function.state(),
            }
        return {"ok": True, "state": function.state()}

    async def _remove(self, op: str, name: str, by: str) -> dict[str, Any]:
        function = self.functions[name]
        try:
            if op == "remove":
                await function.remove(by)
            if op == "forget" or not self._rules.has_router:
                await function.forget()
        except JournalError as error:
            return {"ok": False, "step": "journal", "reason": str(error)}
        return {"ok": True}


def _number(socket_name: str) -> int:
    number = socket_name.split(".")[1]
    return int(number) if number.isdecimal() else 0
