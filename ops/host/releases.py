"""What is kept on disk of releases: their files, and which one each function runs."""

import contextlib

from ops.host.spec import StepFailedError
from ops.release.errors import ReleaseError
from ops.release.journal import Journal
from ops.release.snapshot import repair
from ops.release.store import Release, Store


class Releases:
    """A store and a journal that belong together."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store = store
        self.journal = journal

    def intact(self, name: str, release: str) -> Release:
        """The release as it was made: damaged byte-code is compiled again. Raises ReleaseError."""
        found = self.store.get(name, release)
        return repair(found, self.store) if self.store.verify(found) else found

    def record_failure(self, release: str, error: StepFailedError, by: str) -> None:
        """Journal why a release was not switched to; the caller learns of that failure, not of one here."""
        with contextlib.suppress(ReleaseError):
            # What has served before stays a release to go back to: its failure now may be a passing one.
            event = "refused" if release in self.journal.standing(error.name) else "failed"
            self.journal.append(error.name, event, by=by, release=release, step=error.step, reason=error.reason)

    def before(self, name: str, bad: str) -> str | None:
        """The release to go back to from a bad one, None without one."""
        return next((release for release in self.journal.standing(name) if release != bad), None)

    def last_failure(self, name: str) -> StepFailedError:
        """Why a function that has a journal has no active release."""
        if (damage := self.journal.damage(name)).lines:
            return StepFailedError(name, "journal", f"{damage.lines} lines of its journal cannot be read")
        failed = [entry for entry in self.journal.entries(name) if entry.event == "failed"]
        if not failed:
            return StepFailedError(name, "deploy", "it was never deployed")
        return StepFailedError(name, failed[-1].step or "deploy", failed[-1].reason or "unknown")
