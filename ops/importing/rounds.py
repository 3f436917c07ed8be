"""Imports one after the other: one, or with a watch one more whenever a file was saved."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from core.knowledge.library import Library
from core.services import open_services
from core.settings import Settings
from ops.importing.report import Report
from ops.importing.run import Import, Options
from ops.importing.shops import Shops
from ops.importing.watching import Watched


class Teller(Protocol):
    """Who shows an import."""

    def waits(self, reason: str | None) -> None: ...

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
    this = asyncio.current_task()
    assert this is not None
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, this.cancel)
    async with open_services(settings) as services:
        library = Library(services.database, services.embedder)
        watched = Watched(files) if watch else None
        while True:
            work = Import(library, services.embedder, shops, options, telling.waits)
            try:
                report = await telling.round(work, files)
            except asyncio.CancelledError:
                return work.report
            if watched is None:
                return report
            try:
                await watched.change()
            except asyncio.CancelledError:
                return report
