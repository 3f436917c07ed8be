"""Keeps the workers of the generation that serves at their number: one that ended, or has to, is replaced."""

from collections.abc import Awaitable, Callable

from ops.host import log
from ops.host.background import Background, Backoff
from ops.host.generation import Generation
from ops.host.nursery import Nursery
from ops.host.process import Worker, retire
from ops.host.spec import is_of_release

EXCESS_DRAIN_S = 10.0  # how long a worker that uses too much memory may finish


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
        self._backoff = Backoff()

    def keep(self, generation: Generation) -> None:
        """From now on replace its workers when they end."""
        for worker in generation.workers:
            self._background.start(self._after(generation, worker))

    def exchange(self, generation: Generation, worker: Worker, *, is_stuck: bool) -> None:
        """Start another worker beside one that broke a limit, then end that one; a stuck one is killed at once."""
        generation.lost(worker)
        self._background.start(self._exchange(generation, worker, is_stuck=is_stuck))

    async def _exchange(self, generation: Generation, worker: Worker, *, is_stuck: bool) -> None:
        if is_stuck:
            await retire([worker], 0, 0)
        await self._replace(generation, worker)
        await retire([worker], EXCESS_DRAIN_S)

    async def _after(self, generation: Generation, worker: Worker) -> None:
        """Replace a worker that ended by itself; one that was taken out of the list before has its replacement."""
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
