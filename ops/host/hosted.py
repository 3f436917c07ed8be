"""One hosted function: its active generation, deploys, respawns, limits and rollbacks."""

import asyncio
import time
from typing import Any

from ops.host import log
from ops.host.background import Background, Backoff
from ops.host.generation import NO_STATE, Generation, Places
from ops.host.inherited import Inherited
from ops.host.limits import Guard
from ops.host.nursery import Nursery
from ops.host.process import Predecessor
from ops.host.releases import Releases
from ops.host.routes import RouteTable
from ops.host.spec import Say, StepFailedError, silent
from ops.host.staff import Staff
from ops.host.watch import Rules, Watch
from ops.release.errors import ReleaseError

TICK_S = 1.0


class HostedFunction:
    """Keeps the workers of one function alive behind `NAME.sock`, and changes them without losing a request."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that functions of one host share
        self, name: str, places: Places, releases: Releases, nursery: Nursery, rules: Rules, routes: RouteTable
    ) -> None:
        self.name = name
        self.active: Generation | None = None
        self.failure: StepFailedError | None = None
        self._places = places
        self._releases = releases
        self._nursery = nursery
        self._rules = rules
        self._routes = routes
        self._removed: Generation | None = None
        self.is_gone = False  # removed, and nothing of it left
        self._numbers = 0
        self._watch: Watch | None = None
        self._guard = Guard()
        self._inherited = Inherited(name, places.run_dir)
        self._leaving: list[Generation] = []
        self.changing = asyncio.Lock()  # held by whoever changes what serves
        self._is_falling_back = False
        self._stopping = False
        self._backoff = Backoff()
        self._background = Background(self.tell)
        self._staff = Staff(nursery, self._background, self.tell, self._is_kept, self._crashed)

    def inherit(self, predecessors: list[Predecessor], highest: int) -> None:
        """Take over from an earlier host: its workers serve until the first generation of this one does.

        Those that it had not yet switched to never met a visitor, and are ended.
        """
        self._numbers = highest
        self._background.start(self._inherited.dismiss(self._inherited.take(predecessors), 0, 0))
        if self.active is not None:
            self._background.start(self._inherited.dismiss(None, self._rules.drain_s))

    def end_rivals(self, found: list[Predecessor]) -> None:
        """End workers of a host that was to take over and did not, but for those that visitors reach already."""
        self._background.start(self._inherited.end_rivals(found, self._numbers))

    async def prepare(self, release: str, highest: int) -> Generation:
        """Bring up a release beside what another host serves, numbered after `highest`; raises StepFailedError."""
        self._numbers = highest
        try:
            return await self._ready(release, silent, proven=False)
        except (ReleaseError, OSError) as error:
            raise StepFailedError(self.name, "release", str(error)) from error

    def take(self, generation: Generation) -> None:
        """Switch to what `prepare` brought up, which the journal names already; raises OSError."""
        generation.flip(generation.prepare_flip())
        self._switch_to(generation, watched=True)

    async def bring_up(self) -> None:
        """Start the release that the journal names, with back-off; after three failures the one before it."""
        failures = 0
        while not self._stopping and self.active is None:
            try:
                if not await self._resume():
                    await self._have_none()
                    return
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody else brings the function up
                failures += 1
                self.tell(log.told(error))
                if failures % self._rules.triggers.crashes == 0 and await self._fall_back(None, str(error)):
                    return
                await self._backoff.wait()

    async def _resume(self) -> bool:
        """Switch to the release that the journal names, unless one serves by now; False when there is none."""
        async with self.changing:
            release = self._releases.journal.active(self.name)
            if self.active is None and release is not None:
                await self._change_to(release, by="host", record=False, proven=True)
            return release is not None

    async def _have_none(self) -> None:
        """The journal names no release: the function was never up, or it was removed."""
        self.failure = self._releases.last_failure(self.name)
        await self._inherited.dismiss(None, self._rules.drain_s)
        self.is_gone = self._releases.journal.is_removed(self.name)

    async def deploy(self, release: str, *, by: str, note: Say = silent) -> None:
        """Bring up a release beside the active one and switch to it; `note` is told each step.

        Raises StepFailedError; then all is as it was.
        """
        async with self.changing:
            await self._change_to(release, by=by, note=note)

    async def _change_to(  # noqa: PLR0913
        self,
        release: str,
        *,
        by: str,
        note: Say = silent,
        record: bool = True,
        proven: bool = False,
        watched: bool = True,
    ) -> None:
        """`deploy` for whoever holds `changing`; a `proven` release served before."""
        if self._stopping:
            raise StepFailedError(self.name, "start", "the host is stopping")
        try:
            generation = await self._ready(release, note, proven=proven)
            try:
                self._flip(generation, by if record else None)
            except BaseException:
                await generation.retire(0, 0)
                raise
        except (ReleaseError, OSError) as error:
            raise self._failed(release, StepFailedError(self.name, "release", str(error)), by, record) from error
        except StepFailedError as error:
            raise self._failed(release, error, by, record) from error
        note("flip")
        self._switch_to(generation, watched=watched)

    def _flip(self, generation: Generation, recorded_by: str | None) -> None:
        before = self.active.release if self.active else None
        self._routes.check(self.name, generation.manifest or {"routes": ()})
        fresh = generation.prepare_flip()
        if recorded_by is not None:
            journal = self._releases.journal
            journal.append(self.name, "active", by=recorded_by, release=generation.release, previous=before)
        generation.flip(fresh)

    def _failed(self, release: str, error: StepFailedError, by: str, record: bool) -> StepFailedError:  # noqa: FBT001
        if self.active is None:
            self.failure = error
        if record:
            self._releases.record_failure(release, error, by)
        return error

    def _switch_to(self, generation: Generation, *, watched: bool) -> None:
        leaving = [old for old in (self.active, self._removed) if old is not None]
        self.active, self._removed, self.failure, self.is_gone = generation, None, None, False
        self._routes.put(self.name, generation.manifest or {"routes": ()})
        triggers = self._rules.triggers.for_timeout(generation.manifest["timeout_s"] if generation.manifest else 0)
        self._watch = Watch(triggers, time.monotonic()) if watched else None
        self._staff.keep(generation)
        self._background.start(self._inherited.dismiss(None, self._rules.drain_s))
        for old in leaving:
            self._leave(old)

    async def remove(self, by: str) -> None:
        """Take the function away: its state says so, and it answers until `forget`; raises JournalError."""
        async with self.changing:
            release = self.active.release if self.active else self._releases.journal.active(self.name)
            if release is not None:
                self._releases.journal.append(self.name, "removed", by=by, release=release)
                self._removed, self.active, self._watch = self.active, None, None

    async def forget(self) -> None:
        """No visitor comes any more: drain a removed function's workers, unless it was deployed again meanwhile."""
        async with self.changing:
            if self._removed is not None:
                generation, self._removed = self._removed, None
                (self._places.run_dir / f"{self.name}.sock").unlink(missing_ok=True)
                self._routes.drop(self.name)
                self._leave(generation)

    def _leave(self, generation: Generation) -> None:
        async def drain() -> None:
            await generation.retire(self._rules.drain_s)
            self._leaving.remove(generation)
            self.is_gone = not self._leaving and self.active is None and self._removed is None

        self._leaving.append(generation)
        self._background.start(drain())

    async def _ready(self, release: str, note: Say, *, proven: bool) -> Generation:
        found = self._releases.intact(self.name, release)
        self._numbers += 1
        generation = Generation(self.name, self._numbers, found.id, found.folder, self._places)
        try:
            note("start")
            await generation.start_workers(self._nursery, self._rules.workers.get(self.name))
            self._routes.check(self.name, generation.manifest or {"routes": ()})
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
                self._staff.exchange(generation, worker, is_stuck="stuck" in excess)
        if self._watch is not None and (reason := self._watch.feed(time.monotonic(), generation.reading())):
            # Beside the tick, which the other functions wait for.
            self._background.start(self._roll_back(generation, reason))

    async def stop(self, kill_after_s: float = 10.0) -> None:
        """End all workers and respawns of this function."""
        self._stopping = True
        await self._background.cancel()
        await self._inherited.dismiss(None, 0, kill_after_s)
        generations = [*self._leaving, *(one for one in (self.active, self._removed) if one is not None)]
        await asyncio.gather(*(generation.retire(0, kill_after_s) for generation in generations))
        (self._places.run_dir / f"{self.name}.sock").unlink(missing_ok=True)

    def state(self) -> dict[str, Any]:
        """Facts for `edge list` and `edge status`."""
        facts = self.active.state() if self.active else NO_STATE
        return {
            "name": self.name,
            "state": "serving" if facts["workers"] else self._absence(),
            **facts,
            "draining": [leaving.release for leaving in self._leaving],
            "restarts": self._staff.restarts,
            "failedStep": self.failure.step if self.failure else None,
            "failure": self.failure.reason if self.failure else None,
        }

    def _absence(self) -> str:
        if self._removed or self.is_gone or (self._leaving and self.active is None):
            return "removed" if self._removed else "leaving"
        return "failed" if self.failure else "starting"

    def tell(self, line: str) -> None:
        """One line of the host's log."""
        log.write(f"{self.name}: {line}")

    def _is_kept(self, generation: Generation) -> bool:
        return generation is self.active and not self._stopping

    async def _crashed(self, generation: Generation) -> None:
        if self._watch is not None and (reason := self._watch.crashed(time.monotonic())) is not None:
            await self._roll_back(generation, reason)

    async def _roll_back(self, generation: Generation, reason: str) -> None:
        """Take back the active release; without one before it, it stays and only the log says why it should not."""
        if generation is not self.active or self._is_falling_back:
            return
        self._is_falling_back = True
        try:
            self.tell(f"taking back {generation.release}: {reason}")
            if not await self._fall_back(generation, reason) and generation is self.active:
                self._watch = None
                self.tell(f"{generation.release} stays, since there is nothing to go back to: {reason}")
        finally:
            self._is_falling_back = False

    async def _fall_back(self, bad: Generation | None, reason: str) -> bool:
        """Go from the active generation, or from the release that does not become one, to the release before.

        False when there is none that comes up. True, too, when an operator changed what is active meanwhile.
        """
        async with self.changing:
            try:
                standing = self.active.release if self.active else self._releases.journal.active(self.name)
                left = bad.release if bad is not None else standing
                if bad is self.active:
                    previous = self._releases.take_back(self.name, left, reason) if left else None
                    if previous is not None:
                        # One fault is answered by one step back: a database that is away must not walk through history.
                        await self._change_to(previous, by="host", proven=True, watched=False)
                    return previous is not None
                if left is not None and left != standing:
                    self._releases.take_back(self.name, left, reason)
            except Exception as error:  # noqa: BLE001 - whatever it was, the release that is there must be kept alive
                self.tell(f"the release before does not come back: {log.told(error)}")
                return False
        self.tell("what an operator did meanwhile stays")
        return True
