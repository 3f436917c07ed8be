"""One hosted function: its active generation, deploys, respawns, limits and rollbacks."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from ops.host import log
from ops.host.background import Background
from ops.host.bringup import BringUp
from ops.host.gauges import Reading
from ops.host.generation import Generation
from ops.host.inherited import Inherited
from ops.host.process import Predecessor
from ops.host.rollback import Rollback
from ops.host.shared import Shared
from ops.host.spec import Say, StepFailedError, silent
from ops.host.staff import Staff
from ops.host.standing import Standing
from ops.host.switch import Change, Left, Switch
from ops.host.watch import Watch
from ops.release.errors import ReleaseError
from ops.slo.slips import LevelsError

TICK_S = 1.0


class HostedFunction:
    """Keeps the workers of one function alive behind `NAME.sock`, and changes them without losing a request."""

    def __init__(self, name: str, shared: Shared) -> None:
        self.name = name
        self.changing = asyncio.Lock()  # held by whoever changes what serves
        self._shared = shared
        self._standing = Standing()
        self._watch: Watch | None = None
        self._change: asyncio.Future[None] | None = None  # an operator's that goes on
        self._inherited = Inherited(name, shared.places.run_dir)
        self._background = Background(self.tell)
        self._staff = Staff(shared.nursery, self._background, self.tell, self._is_kept, self._crashed)
        self._switch = Switch(name, shared, self._standing, self._switched)
        self._rollback = Rollback(name, shared.releases, self._standing, self._switch, self.changing, self.tell)
        self._bring_up = BringUp(
            name,
            shared,
            self._standing,
            self._switch,
            self._rollback,
            self.changing,
            self._inherited,
            self.tell,
            self._have_none,
        )

    @property
    def active(self) -> Generation | None:
        """The generation that serves."""
        return self._standing.active

    @property
    def is_gone(self) -> bool:
        """Whether it was removed, and nothing of it is left."""
        return self._standing.is_gone

    def inherit(self, predecessors: list[Predecessor], highest: int) -> None:
        """Take over from an earlier host: its workers serve until the first generation of this one does.

        Those that it had not yet switched to never met a visitor, and are ended.
        """
        self._switch.number = highest
        self._background.start(self._inherited.dismiss(self._inherited.take(predecessors), 0, 0))
        if self.active is not None:
            self._background.start(self._inherited.dismiss(None, self._shared.rules.drain_s))

    def end_rivals(self, found: list[Predecessor]) -> None:
        """End workers of a host that was to take over and did not, but for those that visitors reach already."""
        self._background.start(self._inherited.end_rivals(found, self._switch.number))

    async def prepare(self, release: str, highest: int) -> Generation:
        """Bring up a release beside what another host serves, numbered after `highest`; raises StepFailedError."""
        self._switch.number = highest
        try:
            return await self._switch.ready(release, proven=False)
        except (ReleaseError, OSError) as error:
            raise StepFailedError(self.name, "release", str(error)) from error

    def take(self, generation: Generation) -> None:
        """Switch to what `prepare` brought up, which the journal names already; raises OSError."""
        self._switch.take(generation)

    async def bring_up(self) -> None:
        """Start the release that the journal names, with back-off; after three faults of it the one before."""
        await self._bring_up.run()

    async def _have_none(self) -> None:
        """The journal names no release: the function was never up, or it was removed."""
        journal = self._shared.releases.journal
        self._standing.fail(self._shared.releases.last_failure(self.name))
        await self._inherited.dismiss(None, self._shared.rules.drain_s)
        if journal.is_removed(self.name):
            self._standing.end()

    async def deploy(self, release: str, *, by: str, left: str | None = None, note: Say = silent) -> None:
        """Bring up a release beside the active one and switch to it; `note` is told each step.

        `left` is why the active one is not to be gone back to. The step `wait` is that another change goes on. Raises
        StepFailedError; then all is as it was.
        """
        if self.changing.locked():
            note("wait")
        async with self.changing:
            before = self.active.release if self.active else self._shared.releases.journal.active(self.name)
            is_left = left is not None and before not in {None, release}
            bad = Left(before, "rollback", left) if is_left and before and left else None
            await self._unless_stopped(self._switch.to(release, Change(by=by, left=bad), note))

    async def _unless_stopped(self, change: Coroutine[Any, Any, None]) -> None:
        """A change that `stop` ends before it has flipped."""
        self._change = asyncio.ensure_future(change)
        try:
            await self._change
        except asyncio.CancelledError:
            if not self._standing.is_stopping or not self._change.cancelled():
                raise
            raise StepFailedError(self.name, "start", "the host is stopping") from None
        finally:
            self._change = None

    def _switched(self, generation: Generation, change: Change) -> None:
        before = self._standing.serve(generation)
        self._shared.routes.put(self.name, generation.manifest)
        self._watch = self._watch_of(generation) if change.watched else None
        self._staff.keep(generation)
        self._background.start(self._inherited.dismiss(None, self._shared.rules.drain_s))
        if before is not None:
            self._leave(before)

    def _watch_of(self, generation: Generation) -> Watch | None:
        """Nobody watches while the triggers cannot be read: that is no reason not to serve."""
        try:
            triggers = self._shared.rules.triggers()
        except LevelsError as error:
            self.tell(f"{error}; this release is not taken back, whatever it does")
            return None
        return Watch(triggers.for_timeout(generation.manifest.timeout_s), time.monotonic())

    async def remove(self, by: str) -> None:
        """Take the function away: its state says so, and it answers until `forget`; raises JournalError."""
        async with self.changing:
            release = self.active.release if self.active else self._shared.releases.journal.active(self.name)
            if release is not None:
                self._shared.releases.journal.append(self.name, "removed", by=by, release=release)
                self._standing.remove()
                self._watch = None

    async def forget(self) -> None:
        """No visitor comes any more: drain a removed function's workers, unless it was deployed again meanwhile."""
        async with self.changing:
            if (generation := self._standing.forget()) is not None:
                (self._shared.places.run_dir / f"{self.name}.sock").unlink(missing_ok=True)
                self._shared.routes.drop(self.name)
                self._leave(generation)

    def _leave(self, generation: Generation) -> None:
        async def drain() -> None:
            await generation.retire(self._shared.rules.drain_s)
            self._standing.leaving.remove(generation)

        self._standing.leaving.append(generation)
        self._background.start(drain())

    def tick(self) -> None:
        """Once a second: hold the limits, and take back a release that breaks a trigger."""
        if self._standing.is_stopping:
            return
        rising = (self._switch.rising,) if self._switch.rising else ()
        for generation in (*self._standing.generations, *rising):
            self._staff.look(generation)
        for generation in self._standing.generations:
            generation.close_gate()
        if self.active is not None:
            self._judge(self.active)

    def _judge(self, generation: Generation) -> None:
        if self._watch is not None and (reason := self._watch.feed(time.monotonic(), generation.reading())):
            # Beside the tick, which the other functions wait for.
            self._background.start(self._take_back(generation, reason))

    def readings(self) -> list[tuple[tuple[str, int], Reading]]:
        """What each generation that visitors have met has answered since it began."""
        return [((self.name, generation.number), generation.reading()) for generation in self._standing.generations]

    async def stop(self, kill_after_s: float = 10.0) -> None:
        """End all workers and respawns of this function."""
        self._standing.stop()
        if self._change is not None:
            self._change.cancel()
        await self._background.cancel()
        async with self.changing:
            await self._inherited.dismiss(None, 0, kill_after_s)
            generations = self._standing.generations
            await asyncio.gather(*(generation.retire(0, kill_after_s) for generation in generations))
        (self._shared.places.run_dir / f"{self.name}.sock").unlink(missing_ok=True)

    def state(self) -> dict[str, Any]:
        """Facts for `edge list` and `edge status`."""
        return {"name": self.name, **self._standing.facts(), "restarts": self._staff.restarts}

    def tell(self, line: str) -> None:
        """One line of the host's log."""
        log.write(f"{self.name}: {line}")

    def _is_kept(self, generation: Generation) -> bool:
        return generation is self.active

    async def _crashed(self, generation: Generation) -> None:
        if self._watch is not None and (reason := self._watch.crashed(time.monotonic())) is not None:
            await self._take_back(generation, reason)

    async def _take_back(self, generation: Generation, reason: str) -> None:
        """Go back to the release before; without one the log says once why it should not stay."""
        if not await self._rollback.take_back(generation, reason):
            self._watch = None
