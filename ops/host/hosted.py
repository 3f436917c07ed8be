"""One hosted function: its active generation, deploys, respawns, limits and rollbacks."""

import asyncio
import contextlib
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from ops.host.generation import Generation, Places
from ops.host.limits import Guard
from ops.host.nursery import Nursery
from ops.host.process import Predecessor, Worker, retire
from ops.host.releases import Releases
from ops.host.spec import StepFailedError
from ops.host.watch import Rules, Watch
from ops.release.errors import JournalError, ReleaseError

FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 5.0
STEADY_S = 10.0  # a worker that lived this long starts the back-off anew
EXCESS_DRAIN_S = 10.0  # the same for a worker that uses too much memory
TICK_S = 1.0

Say = Callable[[str], None]


def _silent(_: str) -> None:
    """Nobody is told of the steps."""


class HostedFunction:
    """Keeps the workers of one function alive behind `NAME.sock`, and changes them without losing a request."""

    def __init__(self, name: str, places: Places, releases: Releases, nursery: Nursery, rules: Rules) -> None:
        self.name = name
        self.active: Generation | None = None
        self.restarts = 0
        self.failure: StepFailedError | None = None
        self.worker_count = 1
        self._places = places
        self._releases = releases
        self._nursery = nursery
        self._rules = rules
        self._numbers = 0
        self._watch: Watch | None = None
        self._guard = Guard()
        self._predecessors: list[Predecessor] = []
        self._leaving: list[Generation] = []
        self._changing = asyncio.Lock()
        self._is_falling_back = False
        self._stopping = False
        self._backoff_s = FIRST_BACKOFF_S
        self._tasks: set[asyncio.Task[None]] = set()

    def inherit(self, predecessors: list[Predecessor], highest: int) -> None:
        """Take over from an earlier host: its workers serve until the first generation of this one does.

        Those that it had not yet switched to never met a visitor, and are ended.
        """
        self._numbers = highest
        self._predecessors = [*predecessors]
        serving = self._serving_generation()
        self._spawn(self._dismiss([one for one in predecessors if one.generation > serving], 0, 0))

    def _serving_generation(self) -> int:
        """The number of the generation that visitors reach, 0 for none."""
        with contextlib.suppress(OSError, ValueError):
            return int((self._places.run_dir / f"{self.name}.sock").readlink().name.split(".")[1])
        return 0

    async def bring_up(self) -> None:
        """Start the release that the journal names, with back-off; after three failures the one before it."""
        failures = 0
        while not self._stopping and self.active is None:
            release = self._releases.journal.active(self.name)
            if release is None:
                self.failure = self._releases.last_failure(self.name)
                return
            try:
                await self.deploy(release, by="host", record=False, proven=True)
            except StepFailedError as error:
                failures += 1
                self.tell(str(error))
                if failures % self._rules.triggers.crashes == 0 and await self._fall_back(release, str(error)):
                    return
                await asyncio.sleep(self._next_backoff())

    async def deploy(
        self, release: str, *, by: str, note: Say = _silent, record: bool = True, proven: bool = False
    ) -> None:
        """Bring up a release beside the active one and switch to it.

        `note` is told each step; a `proven` release served before. Raises StepFailedError; then all is as it was.
        """
        async with self._changing:
            if self._stopping:
                raise StepFailedError(self.name, "start", "the host is stopping")
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
            # One fault is answered by one step back: a database that is away must not walk through the history.
            self._switch_to(generation, watched=not self._is_falling_back)

    def _failed(self, release: str, error: StepFailedError, by: str, record: bool) -> StepFailedError:  # noqa: FBT001
        if self.active is None:
            self.failure = error
        if record:
            journal = self._releases.journal
            with contextlib.suppress(JournalError, ReleaseError):  # the caller learns of the failure that matters
                # What has served before stays a release to go back to: its failure now may be a passing one.
                event = "refused" if release in journal.standing(self.name) else "failed"
                journal.append(self.name, event, by=by, release=release, step=error.step, reason=error.reason)
        return error

    def _switch_to(self, generation: Generation, *, watched: bool) -> None:
        before, self.active, self.failure = self.active, generation, None
        triggers = self._rules.triggers.for_timeout(generation.manifest["timeout_s"] if generation.manifest else 0)
        self._watch = Watch(triggers, time.monotonic()) if watched else None
        for worker in generation.workers:
            self._spawn(self._respawn_after(generation, worker))
        self._spawn(self._dismiss(self._predecessors, self._rules.drain_s))
        if before is not None:
            self._leaving.append(before)
            self._spawn(self._leave(before))

    async def _dismiss(self, predecessors: list[Predecessor], drain_s: float, kill_after_s: float = 10.0) -> None:
        dismissed = [*predecessors]
        await retire(dismissed, drain_s, kill_after_s)
        for one in dismissed:
            (self._places.run_dir / f"{self.name}.{one.generation}.sock").unlink(missing_ok=True)
        self._predecessors = [one for one in self._predecessors if one not in dismissed]

    async def _leave(self, generation: Generation) -> None:
        await generation.retire(self._rules.drain_s)
        self._leaving.remove(generation)

    async def _ready(self, release: str, note: Say, *, proven: bool) -> Generation:
        found = self._releases.intact(self.name, release)
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

    def tick(self) -> None:
        """Once a second: hold the limits, and take back a release that breaks a trigger."""
        generation = self.active
        if generation is None or self._stopping:
            return
        for worker in [*generation.workers]:
            if (excess := self._guard.check(worker, generation.manifest or {})) is not None:
                self.tell(f"worker {worker.pid}: {excess}")
                generation.lost(worker)
                self._spawn(self._replace_excessive(generation, worker, is_stuck="stuck" in excess))
        if self._watch is not None and (reason := self._watch.feed(time.monotonic(), generation.reading())):
            # Beside the tick, which the other functions wait for.
            self._spawn(self._roll_back(generation, reason))

    async def stop(self, kill_after_s: float = 10.0) -> None:
        """End all workers and respawns of this function."""
        self._stopping = True
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._dismiss(self._predecessors, 0, kill_after_s)
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
        """Replace a worker that ended by itself; one that was taken out of the list before has its replacement."""
        await worker.ended()
        if worker in generation.workers and generation is self.active and not self._stopping:
            generation.lost(worker)
            self.tell(f"worker {worker.pid} ended ({worker.exit_status}), starting another")
            await self._replace(generation, worker)

    async def _replace_excessive(self, generation: Generation, worker: Worker, *, is_stuck: bool) -> None:
        """Start another worker beside one that broke a limit, then end that one; a stuck one is killed at once."""
        if is_stuck:
            await retire([worker], 0, 0)
        await self._replace(generation, worker)
        await retire([worker], EXCESS_DRAIN_S)

    async def _replace(self, generation: Generation, worker: Worker) -> None:
        """Start another worker of the same generation, however often it takes; too often, and the release is left."""
        self.restarts += 1
        if time.monotonic() - worker.started_at >= STEADY_S:
            self._backoff_s = FIRST_BACKOFF_S
        while generation is self.active and not self._stopping:
            if self._watch is not None and (reason := self._watch.crashed(time.monotonic())) is not None:
                await self._roll_back(generation, reason)
            await asyncio.sleep(self._next_backoff())
            if generation is not self.active:
                return
            try:
                fresh = await generation.start_worker(self._nursery)
            except (StepFailedError, OSError) as error:
                self.tell(f"no worker comes up: {error}")
            else:
                self._spawn(self._respawn_after(generation, fresh))
                return

    async def _roll_back(self, generation: Generation, reason: str) -> None:
        """Take back the active release; without one before it, it stays and only the log says why it should not."""
        if generation is not self.active or self._is_falling_back:
            return
        self._is_falling_back = True
        try:
            if not await self._fall_back(generation.release, reason):
                self._watch = None
                self.tell(f"{generation.release} stays, since there is nothing to go back to: {reason}")
        finally:
            self._is_falling_back = False

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
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.tell("".join(traceback.format_exception(error)))
