"""Keeps the workers of the generation that serves at their number, and every worker within its limits."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from ops.host import guard, log
from ops.host.background import Background, Backoff
from ops.host.generation import START_TIMEOUT_S, Generation
from ops.host.guard import Excess, Guard
from ops.host.nursery import Nursery
from ops.host.process import Worker, retire
from ops.host.spec import is_of_release

EXCESS_DRAIN_S = 10.0  # how long a worker that uses too much memory may finish
SUCCESSOR_S = START_TIMEOUT_S + 10.0  # how long it serves on when no other comes up


class Staff:
    """The workers of one function. `is_kept` tells whether a generation still serves, `on_end` learns of each loss."""

    def __init__(
        self,
        nursery: Nursery,
        background: Background,
        tell: Callable[[str], None],
        is_kept: Callable[[Generation], bool],
        on_end: Callable[[Generation], Awaitable[None]],
    ) -> None:
        self.restarts = 0
        self._nursery = nursery
        self._background = background
        self._tell = tell
        self._is_kept = is_kept
        self._on_end = on_end
        self._guard = Guard()
        self._backoff = Backoff()

    def keep(self, generation: Generation) -> None:
        """From now on replace its workers when they end."""
        for worker in generation.workers:
            self._background.start(self._after(generation, worker))

    def look(self, generation: Generation) -> None:
        """Hold the limits of its workers: of those that start, that serve, and that finish what they began."""
        for worker in [*generation.starting]:
            if (excess := guard.check_starting(worker, generation.known_manifest)) is not None:
                generation.refuse(worker, excess.step, excess.reason)
        for worker in [*generation.workers]:
            if (excess := self._guard.check(worker, generation.manifest)) is not None:
                self._exceeds(generation, worker, excess)
        for worker in [*generation.leaving]:
            self._look_at_leaving(generation, worker)

    def _exceeds(self, generation: Generation, worker: Worker, excess: Excess) -> None:
        self._tell(f"worker {worker.pid}: {excess.reason}")
        generation.dismiss(worker)
        self._background.start(self._exchange(generation, worker, is_wild=excess.is_wild))

    def _look_at_leaving(self, generation: Generation, worker: Worker) -> None:
        """It is past its limit already, and serves on while no other takes its place: it must not grow for ever."""
        excess = self._guard.check(worker, generation.manifest)
        if excess is None:
            return
        if excess.is_wild or guard.memory(worker, generation.manifest.memory_mib * guard.HARD_FACTOR):
            self._tell(f"worker {worker.pid}: {excess.reason}: killed")
            worker.signal(signal.SIGKILL)

    async def _exchange(self, generation: Generation, worker: Worker, *, is_wild: bool) -> None:
        """Start another worker beside one that broke a limit, then end that one; a wild one is killed at once.

        That of a generation which drains is ended without another.
        """
        replacing = asyncio.ensure_future(self._replace_or_not(generation, worker, is_wild=is_wild))
        try:
            if not is_wild:
                await asyncio.wait((replacing,), timeout=SUCCESSOR_S)
            await retire([worker], 0 if is_wild else EXCESS_DRAIN_S, 0 if is_wild else 10.0)
            generation.lost(worker)
            await replacing
        finally:
            replacing.cancel()
            await asyncio.gather(replacing, return_exceptions=True)

    async def _replace_or_not(self, generation: Generation, worker: Worker, *, is_wild: bool) -> None:
        if is_wild:
            await worker.ended()
        if self._is_kept(generation):
            await self._replace(generation, worker)

    async def _after(self, generation: Generation, worker: Worker) -> None:
        """Replace a worker that ended by itself; one that was dismissed has its replacement."""
        await worker.ended()
        if worker in generation.workers and self._is_kept(generation):
            generation.lost(worker)
            self._tell(f"worker {worker.pid} ended ({worker.exit_status}), starting another")
            await self._replace(generation, worker)

    async def _replace(self, generation: Generation, worker: Worker) -> None:
        """Start another worker of the same generation, however often it takes; too often, and the release is left."""
        self.restarts += 1
        self._backoff.lived(worker.started_at)
        await self._on_end(generation)
        while self._is_kept(generation):
            await self._backoff.wait()
            if not self._is_kept(generation):
                return
            try:
                fresh = await generation.start_worker(self._nursery)
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody else starts one
                self._tell(f"no worker comes up: {log.told(error)}")
                if is_of_release(error):
                    await self._on_end(generation)
            else:
                self._background.start(self._after(generation, fresh))
                return
