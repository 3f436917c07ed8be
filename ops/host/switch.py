"""The change of one function from a release to another: gate, flip, and what became of it in the journal."""

from collections.abc import Callable

import msgspec

from ops.host import guard, log
from ops.host.generation import Generation
from ops.host.output import beside
from ops.host.shared import Shared
from ops.host.spec import Say, StepFailedError, silent
from ops.host.standing import Standing
from ops.release.errors import ReleaseError
from ops.release.journal import entry_of


class Left(msgspec.Struct, frozen=True):
    """A release that is not gone back to, and why."""

    release: str
    step: str
    reason: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Why a release is switched to. One that served before is `proven`, one that is not `watched` is not taken back.

    What is not `recorded` is what the journal says already. `left` is a bad release that is switched from.
    """

    by: str
    recorded: bool = True
    proven: bool = False
    watched: bool = True
    left: Left | None = None


RESUME = Change(by="host", recorded=False, proven=True)


class Switch:
    """Whoever calls it holds the function's `changing`. `on_switch` is called with the generation that serves now."""

    def __init__(
        self, name: str, shared: Shared, standing: Standing, on_switch: Callable[[Generation, Change], None]
    ) -> None:
        self.number = 0  # of the last generation
        self.rising: Generation | None = None  # the one at its gate
        self._name = name
        self._shared = shared
        self._standing = standing
        self._on_switch = on_switch

    async def to(self, release: str, change: Change, note: Say = silent) -> None:
        """Bring up a release beside the active one and switch to it; raises StepFailedError, with all as it was."""
        self._require_running()
        try:
            generation = await self.ready(release, note, proven=change.proven)
            try:
                self._flip(generation, change)
            except BaseException:
                await generation.retire(0, 0)
                raise
        except (ReleaseError, OSError) as error:
            raise self._failed(release, StepFailedError(self._name, "release", str(error)), change) from error
        except StepFailedError as error:
            raise self._failed(release, error, change) from error
        except Exception as error:
            log.write(f"{self._name}: switching to {release}: {log.told(error)}")
            raise self._failed(release, StepFailedError(self._name, "host", repr(error)), change) from error
        note("flip")
        self._on_switch(generation, change)

    def take(self, generation: Generation) -> None:
        """Switch to what `ready` brought up, which the journal names already; raises OSError."""
        generation.flip(generation.prepare_flip())
        self._on_switch(generation, RESUME)

    async def ready(self, release: str, note: Say = silent, *, proven: bool) -> Generation:
        """A generation that has passed its gate; raises StepFailedError, ReleaseError and OSError, and leaves none."""
        shared = self._shared
        found = shared.releases.intact(self._name, release)
        self.number += 1
        generation = self.rising = Generation(self._name, self.number, found.id, found.folder, shared.places)
        try:
            note("start")
            await generation.start_workers(shared.nursery, shared.rules.workers.get(self._name))
            shared.routes.check(self._name, generation.manifest)
            note("smoke")
            await generation.smoke(shared.rules.smoke_s(), proven=proven)
            self._require_modesty(generation)
            generation.leave_gate()
        except BaseException as error:
            await generation.retire(0, 0)
            if isinstance(error, StepFailedError):
                error.said = beside(error.reason, generation.said())
            raise
        finally:
            self.rising = None
        return generation

    def _require_modesty(self, generation: Generation) -> None:
        for worker in generation.workers:
            if (excess := guard.check_starting(worker, generation.manifest)) is not None:
                raise StepFailedError(self._name, excess.step, f"after its smoke requests a worker {excess.reason}")

    def _flip(self, generation: Generation, change: Change) -> None:
        self._require_running()  # the drain must not meet a generation that came after it
        before = self._standing.active
        self._shared.routes.check(self._name, generation.manifest)
        fresh = generation.prepare_flip()
        if change.recorded:
            previous = before.release if before else change.left.release if change.left else None
            self._record(generation.release, previous, change)
        try:
            generation.flip(fresh)
        except OSError:
            if change.recorded and before is not None:  # it serves on, and the journal says so again
                self._record(before.release, generation.release, Change(by="host"))
            raise

    def _require_running(self) -> None:
        if self._standing.is_stopping:
            raise StepFailedError(self._name, "start", "the host is stopping")

    def _record(self, release: str, previous: str | None, change: Change) -> None:
        """Write the switch, and with it why the release before was left: a crash leaves both or none."""
        entries = [entry_of("active", by=change.by, release=release, previous=previous)]
        if (left := change.left) is not None:
            entries.append(entry_of("failed", by=change.by, release=left.release, step=left.step, reason=left.reason))
        self._shared.releases.journal.append_all(self._name, entries)

    def _failed(self, release: str, error: StepFailedError, change: Change) -> StepFailedError:
        self._standing.fail(error)
        if change.recorded:
            self._shared.releases.record_failure(release, error, change.by)
        return error
