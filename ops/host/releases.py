"""What is kept on disk of releases: their files, and which one each function runs."""

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
