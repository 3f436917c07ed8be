"""What became of an import."""

import msgspec


class Failure(msgspec.Struct, frozen=True):
    """What was not imported: a file, or a part of it."""

    file: str
    where: str
    reason: str


class LostPages(msgspec.Struct, frozen=True):
    """Pages of a document of which nothing was imported, the rest being text: pictures of text, most often."""

    file: str
    pages: list[int]


class Report(msgspec.Struct):
    """Documents by what became of them. `failed` is tried again by the same command.

    `kept`: of each shop for which nothing was found, how many documents stay that would be pruned in another.
    `lost_pages` of the documents that were read; of MOST_LISTED of them.
    `skipped`: files below folders that nobody reads, by their endings.
    """

    imported: int = 0
    unchanged: int = 0
    forgotten: int = 0
    passages: int = 0
    files: int = 0
    failed: list[Failure] = []
    shops: set[int] = set()
    kept: dict[int, int] = {}
    stopped: str | None = None
    seconds: float = 0.0
    read_bytes: int = 0
    total_bytes: int = 0
    failures: int = 0
    skipped: dict[str, int] = {}
    lost_pages: list[LostPages] = []

    @property
    def is_whole(self) -> bool:
        """Whether all that there is was imported, or was there already."""
        return not self.failures and self.stopped is None

    def fail(self, file: str, where: str, reason: str) -> None:
        """Note what was not imported; past MOST_LISTED only how many there were."""
        self.failures += 1
        if len(self.failed) < MOST_LISTED:
            self.failed.append(Failure(file, where, reason))

    def lose(self, file: str, pages: list[int]) -> None:
        """Note pages without text, of documents up to MOST_LISTED."""
        if pages and len(self.lost_pages) < MOST_LISTED:
            self.lost_pages.append(LostPages(file, pages))


MOST_LISTED = 10_000
