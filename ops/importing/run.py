"""One import: files -> reader -> batches -> writer, with a report of what became of each document."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from time import perf_counter

import msgspec

from core.db.names import NAME_CHARS
from core.knowledge.document import NewDocument
from core.knowledge.library import Library
from ops.importing.batches import Batches, Item
from ops.importing.patience import GaveUpError, Patience
from ops.importing.reader import Reader
from ops.importing.report import MOST_LISTED, Report
from ops.importing.seen import Seen
from ops.importing.shops import NAME_SUFFIX, OneShop, Shops
from ops.importing.sources import Skipped, Source, absolute, find, text_of, unread
from ops.importing.writer import Writer
from ops.reading.wire import Found, Refused, Task, Unchanged

PATIENCE_S = 300.0


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to import: in which encoding, by which field, whether what is gone from its file is forgotten."""

    encoding: str = "utf-8"
    tenant_field: str | None = None
    again: bool = False
    prune: bool = False
    patience_s: float = PATIENCE_S


class Import:
    """Runs once over files and folders; `report` shows how far it is."""

    def __init__(
        self,
        library: Library,
        shops: Shops,
        options: Options,
        tell: Callable[[str | None], None],
    ) -> None:
        self.report = Report()
        self._library = library
        self._shops = shops
        self._options = options
        self._patience = Patience(options.patience_s, tell)
        self._writer = Writer(library, self._patience, self.report, again=options.again)
        self._reader = Reader()
        self._batches = Batches()
        self._seen = Seen()

    async def run(self, given: Sequence[Path]) -> Report:
        """Import all that there is below `given`. Ends early, with `stopped` in the report, when a part stays away."""
        begun = perf_counter()
        try:
            await self._import(given)
            if self._options.prune and self.report.stopped is None and self.report.failures < MOST_LISTED:
                await self._prune(given)
        except asyncio.CancelledError:
            self.report.stopped = "interrupted"
            raise
        finally:
            await self._reader.close()
            self._seen.close()
            self.report.seconds = perf_counter() - begun
        return self.report

    async def _import(self, given: Sequence[Path]) -> None:
        sources = await asyncio.to_thread(lambda: list(find(given)))
        self.report.skipped = dict(await asyncio.to_thread(unread, given))
        self.report.total_bytes = sum(source.size_bytes for source in sources if isinstance(source, Source))
        try:
            async with asyncio.TaskGroup() as group:
                for source in sources:
                    await self._take(group, source)
                for batch in self._batches.rest():
                    await self._writer.put(group, batch)
        except* GaveUpError as errors:
            self.report.stopped = str(errors.exceptions[0])

    async def _take(self, group: asyncio.TaskGroup, source: Source | Skipped) -> None:
        self.report.files += 1
        if isinstance(source, Skipped):
            self.report.fail(source.name, "", source.reason)
            return
        before = self.report.read_bytes
        async with aclosing(self._reader.read(await self._task(source))) as messages:
            async for message in messages:
                match message:
                    case Refused(reason, where):
                        self.report.fail(source.name, where, reason)
                    case Unchanged():
                        self.report.unchanged += 1
                        self._seen.add(await self._shops.of(None), source.name, "")
                    case Found():
                        self.report.lose(source.name, message.lost_pages)
                        await self._sort(group, source, message)
                self.report.read_bytes = before + getattr(message, "read_bytes", 0)
        self.report.read_bytes = before + source.size_bytes

    async def _task(self, source: Source) -> Task:
        known = None
        if not source.of_rows and isinstance(self._shops, OneShop) and not self._options.again:
            shop_id = await self._shops.of(None)
            known = await self._patience.until_done(lambda: self._library.hash_of(shop_id, source.name))
        return Task(
            bytes(source.path), source.name, source.shown, self._options.encoding, self._options.tenant_field, known
        )

    async def _sort(self, group: asyncio.TaskGroup, source: Source, message: Found) -> None:
        document = message.document
        if self._options.tenant_field is not None and message.tenant is None:
            self.report.fail(source.name, message.where, f"has no {self._options.tenant_field}, which says whose it is")
            return
        name = self._name_of_shop(document)
        if name is not None and len(name) > NAME_CHARS:
            field = f"{self._options.tenant_field}{NAME_SUFFIX}"
            self.report.fail(source.name, message.where, f"its {field} has more than {NAME_CHARS} characters")
            return
        shop_id = await self._patience.until_done(lambda: self._shops.of(message.tenant, name))
        if not self._seen.add(shop_id, *document.name):
            self.report.fail(source.name, message.where, f"{document.key!r} came before in this import")
            return
        for batch in self._batches.add(shop_id, Item(document, source.name, message.where)):
            await self._writer.put(group, batch)

    def _name_of_shop(self, document: NewDocument) -> str | None:
        """What a row says that its tenant is called: beside a field "tenant", a field "tenant_name"."""
        if self._options.tenant_field is None or not document.passages:
            return None
        name = document.passages[0].metadata.get(f"{self._options.tenant_field}{NAME_SUFFIX}")
        return name.strip() or None if isinstance(name, str) else None

    async def _prune(self, given: Sequence[Path]) -> None:
        """Forget documents that are gone from their files, in the shops of this import; never all that there are.

        What failed stays, as does what lies below a folder that cannot be read: it may only be away.
        """
        failed = {failure.file for failure in self.report.failed}
        files = [text_of(absolute(path)) for path in given]
        for shop_id in self._seen.shops:
            try:
                await self._forget(shop_id, files, failed)
            except GaveUpError as error:
                self.report.stopped = str(error)
                return
        await self._note_kept(set(self._seen.shops), files, failed)

    async def _forget(self, shop_id: int, files: Sequence[str], spared: set[str]) -> None:
        last: tuple[str, str] | None = ("", "")
        is_kept = partial(self._seen.has, shop_id)
        while last is not None:
            some = partial(self._library.forget_others, shop_id, files, last, is_kept, spared)
            gone, last = await self._patience.until_done(some)
            self.report.forgotten += gone

    async def _note_kept(self, seen: set[int], files: Sequence[str], failed: Collection[str]) -> None:
        """Count what stays in shops for which nothing was found: a folder may be empty because a disk is away."""
        try:
            for shop_id in sorted(await self._patience.until_done(self._shops.all) - seen):
                count = partial(self._library.count, shop_id, files, failed)
                if documents := await self._patience.until_done(count):
                    self.report.kept[shop_id] = documents
        except GaveUpError as error:
            self.report.stopped = str(error)
