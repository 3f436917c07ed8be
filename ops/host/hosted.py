"""One hosted function: its active generation, deploys, respawns, limits and rollbacks."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ops.host.generation import Generation, Places
from ops.host.limits import Guard
from ops.host.nursery import Nursery
from ops.host.process import Predecessor, Serving, Worker, retire
from ops.host.spec import StepFailedError
from ops.host.watch import Triggers, Watch
from ops.release.errors import JournalError, ReleaseError
from ops.release.journal import Journal
from ops.release.snapshot import repair
from ops.release.store import Release, Store

FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 5.0
STEADY_S = 10.0  # a worker that lived this long starts the back-off anew
DRAIN_S = 300.0  # how long a stream on the old generation may go on
TICK_S = 1.0

Say = Callable[[str], None]


def _silent(_: str) -> None:
    """Nobody is told of the steps."""


class Releases:
    """What is kept on disk of releases: their files, and which one each function runs."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store = store
        self.journal = journal


class HostedFunction:
    """Keeps the workers of one function alive behind `NAME.sock`, and changes them without losing a request."""

    def __init__(self, name: str, places: Places, releases: Releases, nursery: Nursery, triggers: Triggers) -> None:
        self.name = name
        self.active: Generation | None = None
        self.restarts = 0
        self.failure: StepFailedError | None = None
        self.worker_count = 1
        self._places = places
        self._releases = releases
        self._nursery = nursery
        self._triggers = triggers
        self._numbers = 0
        self._watch: Watch | None = None
        self._guard = Guard()
        self._predecessors: list[Serving] = []
        self._leaving: list[Generation] = []
        self._changing = asyncio.Lock()
        self._stopping = False
        self._backoff_s = FIRST_BACKOFF_S
        self._tasks: set[asyncio.Task[None]] = set()

    def inherit(self, predecessors: list[Predecessor], highest: int) -> None:
        """Take over from an earlier host: its workers serve until the first generation of this one does."""
        self._predecessors = [*predecessors]
        self._numbers = highest

    async def bring_up(self) -> None:
        """Start the release that the journal names, with back-off; after three failures the one before it."""
        failures = 0
        while not self._stopping and self.active is None:
            release = self._releases.journal.active(self.name)
            if release is None:
                return
            try:
                await self.deploy(release, by="host", record=False, proven=True)
            except StepFailedError as error:
                failures += 1
                self.tell(str(error))
                if failures % self._triggers.crashes == 0 and await self._fall_back(release, str(error)):
                    return
                await asyncio.sleep(self._next_backoff())

    async def deploy(
        self, release: str, *, by: str, note: Say = _silent, record: bool = True, proven: bool = False
    ) -> None:
        """Bring up a release beside the active one and switch to it.

        `note` is told each step; a `proven` release served before. Raises StepFailedError; then all is as it was.
        """
        async with self._changing:
            before = self.active.release if self.active else None
            try:
                generation = await self._ready(release, note, proven=proven)
                try:
                    fresh = generation.prepare_flip()
                    if record:
                        self._releases.journal.append(
                            self.name, "active", by=by, release=generation.release, previous=before
                        )
                    generation.flip(fresh)
                except BaseException:
                    await generation.retire(0, 0)
                    raise
            except (ReleaseError, OSError) as error:
                raise self._failed(release, StepFailedError(self.name, "release", str(error)), by, record) from error
            except StepFailedError as error:
                raise self._failed(release, error, by, record) from error
            note("flip")
            self._switch_to(generation)

    def _failed(self, release: str, error: StepFailedError, by: str, record: bool) -> StepFailedError:  # noqa: FBT001
        if self.active is None:
            self.failure = error
        if record:
            with contextlib.suppress(JournalError):  # the caller learns of the failure that matters
                self._releases.journal.append(
                    self.name, "failed", by=by, release=release, step=error.step, reason=error.reason
                )
        return error

    def _switch_to(self, generation: Generation) -> None:
        before, self.active, self.failure = self.active, generation, None
        self._watch = Watch(self._triggers, time.monotonic())
        for worker in generation.workers:
            self._spawn(self._respawn_after(generation, worker))
        left, self._predecessors = self._predecessors, []
        if left:
            self._spawn(retire(left, DRAIN_S))
        if before is not None:
            self._leaving.append(before)
            self._spawn(self._leave(before))

    async def _leave(self, generation: Generation) -> None:
        await generation.retire(DRAIN_S)
        self._leaving.remove(generation)

    async def _ready(self, release: str, note: Say, *, proven: bool) -> Generation:
        found = self._intact(release)
        self._numbers += 1
        generation = Generation(self.name, self._numbers, found.id, found.folder, self._places)
        try:
            note("start")
            for _ in range(self.worker_count):
                await generation.start_worker(self._nursery)
            note("smoke")
            await generation.smoke(proven=proven)
        except BaseException:
            await generation.retire(0, 0)
            raise
        return generation

    def _intact(self, release: str) -> Release:
        """The release as it was made: damaged byte-code is compiled again, damaged sources are refused."""
        store = self._releases.store
        found = store.get(self.name, release)
        return repair(found, store) if store.verify(found) else found

    async def tick(self) -> None:
        """Once a second: hold the limits, and take back a release that breaks a trigger."""
        generation = self.active
        if generation is None or self._stopping:
            return
        for worker in [*generation.workers]:
            if (excess := self._guard.check(worker, generation.manifest or {})) is not None:
                self.tell(f"worker {worker.pid}: {excess}")
                self._spawn(self._replace(generation, worker, excess))
        assert self._watch is not None
        if (reason := self._watch.feed(time.monotonic(), generation.reading())) is not None:
            await self._roll_back(generation, reason)

    async def stop(self, kill_after_s: float = 10.0) -> None:
        """End all workers and respawns of this function."""
        self._stopping = True
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._predecessors:
            await retire(self._predecessors, 0, kill_after_s)
        generations = [*self._leaving, *([self.active] if self.active else [])]
        await asyncio.gather(*(generation.retire(0, kill_after_s) for generation in generations))
        (self._places.run_dir / f"{self.name}.sock").unlink(missing_ok=True)

    def state(self) -> dict[str, Any]:
        """Facts for `edge list` and `edge status`."""
        generation = self.active
        workers = [worker for worker in generation.workers if not worker.has_ended] if generation else []
        return {
            "name": self.name,
            "state": "serving" if workers else "failed" if self.failure else "starting",
            "release": generation.release if generation else None,
            "generation": generation.number if generation else None,
            "workers": [worker.pid for worker in workers],
            "memoryMiB": round(sum(worker.memory_mib() for worker in workers), 1),
            "draining": [leaving.release for leaving in self._leaving],
            "inFlight": sum(worker.reading().in_flight for worker in workers),
            "restarts": self.restarts,
            "manifest": generation.manifest if generation else None,
            "failedStep": self.failure.step if self.failure else None,
            "failure": self.failure.reason if self.failure else None,
        }

    def tell(self, line: str) -> None:
        """One line of the host's log, which is its standard output."""
        print(f"{self.name}: {line}", flush=True)  # noqa: T201

    async def _respawn_after(self, generation: Generation, worker: Worker) -> None:
        """Replace a worker that ended by itself with one of the same generation."""
        await worker.ended()
        while generation is self.active and not self._stopping:
            if worker in generation.workers:
                generation.lost(worker)
                self.restarts += 1
                self.tell(f"worker {worker.pid} ended ({worker.exit_status}), starting another")
            if time.monotonic() - worker.started_at >= STEADY_S:
                self._backoff_s = FIRST_BACKOFF_S
            assert self._watch is not None
            if (reason := self._watch.crashed(time.monotonic())) is not None:
                await self._roll_back(generation, reason)
            await asyncio.sleep(self._next_backoff())
            with contextlib.suppress(StepFailedError):
                if generation is self.active:
                    fresh = await generation.start_worker(self._nursery)
                    self._spawn(self._respawn_after(generation, fresh))
                return

    async def _replace(self, generation: Generation, worker: Worker, reason: str) -> None:
        """Start another worker beside one that broke a limit, then end that one; a stuck one is killed at once."""
        stuck = "stuck" in reason
        if worker in generation.workers:
            generation.lost(worker)
            self.restarts += 1
        if stuck:
            await retire([worker], 0, 0)
        with contextlib.suppress(StepFailedError):
            fresh = await generation.start_worker(self._nursery)
            self._spawn(self._respawn_after(generation, fresh))
        await retire([worker], 10.0)

    async def _roll_back(self, generation: Generation, reason: str) -> None:
        """Take back the active release; without one before it, it stays and only the log says why it should not."""
        if generation is self.active:
            await self._fall_back(generation.release, reason)

    async def _fall_back(self, bad: str, reason: str) -> bool:
        """Go from `bad` to the release before; False when there is none that comes up."""
        journal = self._releases.journal
        previous = next((release for release in journal.standing(self.name) if release != bad), None)
        if previous is None:
            return False
        self.tell(f"taking back {bad}: {reason}")
        try:
            journal.append(self.name, "failed", by="host", release=bad, step="watch", reason=reason)
            await self.deploy(previous, by="host", proven=True)
        except (StepFailedError, JournalError) as error:
            self.tell(f"the release before does not come back: {error}")
            return False
        return True

    def _next_backoff(self) -> float:
        waited, self._backoff_s = self._backoff_s, min(self._backoff_s * 2, LONGEST_BACKOFF_S)
        return waited

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
