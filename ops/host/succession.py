"""How a new host takes the place of one that serves: it brings up everything beside it, switches, and asks it to leave.

The old host holds still meanwhile. Whatever ends the new one before the old one has left lets the old one go on; what
ends the old one is the supervisor's to see (ops/stack/upgrade.py).
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ops.host import control
from ops.host.hosted import HostedFunction
from ops.host.spec import StepFailedError

Tell = Callable[[dict[str, Any]], None]
YIELD_TIMEOUT_S = 120.0
HOLD_S = 90.0  # shorter, so that the new host hears why


class Elder:
    """The control socket of the host that serves, held open until it has left."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def meet(cls, run_dir: Path) -> "Elder":
        """Connect; raises StepFailedError when no host serves."""
        try:
            return cls(*await asyncio.open_unix_connection(run_dir / control.SOCKET_NAME))
        except OSError as error:
            raise StepFailedError("host", "yield", f"there is no host to take over from: {error}") from error

    async def cede(self) -> dict[str, str]:
        """Have it hold still until this process ends; returns the releases that it serves, by function."""
        answer = await self._ask({"op": "yield", "to": os.getpid()})
        if not answer.get("ok"):
            raise StepFailedError("host", "yield", str(answer.get("reason") or answer.get("error") or answer))
        serving: dict[str, str] = answer["serving"]
        return serving

    async def leave(self) -> None:
        """Ask it to end without ending its workers; returns when it has."""
        with suppress(OSError):
            self._writer.write(json.dumps({"op": "leave", "to": os.getpid()}).encode() + b"\n")
            while await self._reader.read(4096):
                continue
        self._writer.close()

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._writer.write(json.dumps(request).encode() + b"\n")
            async with asyncio.timeout(YIELD_TIMEOUT_S):
                line = await self._reader.readline()
            answer: dict[str, Any] = json.loads(line)
        except (OSError, ValueError, TimeoutError) as error:
            raise StepFailedError("host", "yield", f"the host that serves does not answer: {error!r}") from error
        return answer


class Yielding:
    """The old host's side: nothing changes while another process, which it watches, may take over.

    `relieved` is called when that process has ended and this one serves on.
    """

    def __init__(self, relieved: Callable[[], None]) -> None:
        self.to: int | None = None
        self._relieved = relieved
        self._held: list[HostedFunction] = []

    async def begin(self, to: int, functions: Iterable[HostedFunction]) -> dict[str, Any]:
        """Hold all functions until process `to` ends; answers which releases serve."""
        if self.to is not None:
            return {"ok": False, "reason": f"it yields to process {self.to} already"}
        try:
            pidfd = os.pidfd_open(to)
        except OSError as error:
            return {"ok": False, "reason": f"process {to}: {error}"}
        self.to = to
        asyncio.get_running_loop().add_reader(pidfd, self._end, pidfd, to)
        try:
            async with asyncio.timeout(HOLD_S):
                for function in [*functions]:
                    await self._hold(function, to)
        except TimeoutError:
            if self.to == to:
                self.release()
            return {"ok": False, "reason": f"a deploy under way is not done after {HOLD_S:.0f} s"}
        return {"ok": True, "serving": {one.name: one.active.release for one in self._held if one.active is not None}}

    async def _hold(self, function: HostedFunction, to: int) -> None:
        await function.changing.acquire()
        if self.to == to:
            self._held.append(function)
        else:  # it has ended meanwhile
            function.changing.release()

    def release(self) -> None:
        """Let the functions be changed again."""
        self.to = None
        held, self._held = self._held, []
        for function in held:
            function.changing.release()

    def _end(self, pidfd: int, to: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        if self.to == to:
            self.release()
        if self.to is None:
            self._relieved()


async def bring_up_beside(
    functions: dict[str, HostedFunction], serving: dict[str, str], highest: dict[str, int], tell: Tell
) -> None:
    """Gate the releases that serve, and switch to all of them or to none; raises StepFailedError.

    `highest` is the number of each function's last generation.
    """
    tell({"step": "gate"})
    names = sorted(serving)
    outcomes = await asyncio.gather(
        *(functions[name].prepare(serving[name], highest[name]) for name in names), return_exceptions=True
    )
    ready = [one for one in outcomes if not isinstance(one, BaseException)]
    failed = next((one for one in outcomes if isinstance(one, BaseException)), None)
    if failed is not None:
        await asyncio.gather(*(generation.retire(0, 0) for generation in ready))
        raise failed
    tell({"step": "flip"})
    for name, generation in zip(names, ready, strict=True):
        functions[name].take(generation)
