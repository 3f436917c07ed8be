"""Imports one after the other: one, or with a watch one more whenever a file was saved or a part stopped the last."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol

from core.cache.local import LocalStore
from core.db.pool import Database
from core.knowledge.library import Library
from core.models.gateway import Embedder
from core.settings import Settings
from ops.importing.report import Report
from ops.importing.run import Import, Options
from ops.importing.shops import Shops
from ops.importing.watching import Watched

CACHE_BYTES = 64 << 20  # some fifty thousand vectors: what a batch that failed, or a document that was saved, has had
ENDING = (signal.SIGINT, signal.SIGTERM)
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0


class Teller(Protocol):
    """Who shows an import."""

    def waits(self, reason: str | None) -> None: ...

    def tries_again(self, after_s: float) -> None: ...

    async def round(self, work: Import, files: Sequence[Path]) -> Report: ...


async def run_rounds(  # noqa: PLR0913 - what a command was told
    settings: Settings,
    files: Sequence[Path],
    shops: Shops,
    options: Options,
    *,
    watch: bool,
    telling: Teller,
) -> Report:
    """Import once, or for ever; SIGINT and SIGTERM end it. Returns the last report."""
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # what it warns of is told in words of the import's
    _end_with_signals()
    async with _opened(settings) as library:
        watched = Watched(files) if watch else None
        pause_s = FIRST_PAUSE_S
        while True:
            work = Import(library, shops, options, telling.waits)
            try:
                report = await telling.round(work, files)
            except asyncio.CancelledError:
                return work.report
            if watched is None:
                return report
            try:
                if report.stopped is None:
                    pause_s = FIRST_PAUSE_S
                    await watched.change()
                else:
                    telling.tries_again(pause_s)
                    await _change_within(watched, pause_s)
                    pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            except asyncio.CancelledError:
                return report


def _end_with_signals() -> None:
    """Cancel this task with the first that comes; `timeout` and a terminal send several, which would cut its ending."""
    this, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert this is not None

    def end() -> None:
        for signum in ENDING:
            loop.add_signal_handler(signum, lambda: None)
        this.cancel()

    for signum in ENDING:
        loop.add_signal_handler(signum, end)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Library]:
    """Without the vectors on disk, which are visitors' questions: thousands of passages would push them out."""
    async with AsyncExitStack() as stack:
        database = await Database.open(settings)
        stack.push_async_callback(database.close)
        embedder = await Embedder.open(settings, LocalStore(CACHE_BYTES))
        stack.push_async_callback(embedder.close)
        yield Library(database, embedder)


async def _change_within(watched: Watched, limit_s: float) -> None:
    """A round that a part stopped is begun again: what stayed away comes back without any file being saved."""
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await watched.change()
