"""Batches -> the database: several are embedded at once while others are written, so that the model never waits."""

import asyncio
from contextlib import suppress

import psycopg

from core.errors import (
    DatabaseUnavailable,
    InvalidRequest,
    ModelAnswerUnusable,
    ModelChanged,
    ModelReplaced,
    ModelUnavailable,
    Unavailable,
)
from core.knowledge.document import NewDocument
from core.knowledge.library import Library
from ops.importing.batches import Batch, Item
from ops.importing.patience import Patience
from ops.importing.report import Report

IN_FLIGHT = 4
# What is a document's own fault, and no reason to wait: a text that the model or the database cannot take.
_FAULTS = (InvalidRequest, psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)


class _UnusableTextError(Exception):
    """The model answers, but not to this text."""


class Writer:
    """Writes batches in the background; `put` waits while IN_FLIGHT of them are on their way."""

    def __init__(self, library: Library, patience: Patience, report: Report, *, again: bool = False) -> None:
        self._library = library
        self._patience = patience
        self._report = report
        self._again = again
        self._free = asyncio.Semaphore(IN_FLIGHT)

    async def put(self, group: asyncio.TaskGroup, batch: Batch) -> None:
        """Have the batch written in `group`, which an import that cannot go on ends (GaveUpError)."""
        await self._free.acquire()
        group.create_task(self._run(batch)).add_done_callback(lambda _: self._free.release())

    async def _run(self, batch: Batch) -> None:
        documents = [item.document for item in batch.items]
        changed = documents
        if not self._again:
            changed = await self._patience.until_done(lambda: self._library.changed(batch.shop_id, documents))
        self._report.unchanged += len(documents) - len(changed)
        wanted = {id(document) for document in changed}
        if items := [item for item in batch.items if id(item.document) in wanted]:
            await self._write(batch.shop_id, items)

    async def _write(self, shop_id: int, items: list[Item]) -> None:
        """All of them in one transaction; when one is to blame, each half on its own, so that it fails alone."""
        try:
            documents = [item.document for item in items]
            await self._patience.until_done(
                lambda: self._store(shop_id, documents), lambda error: self._blames(shop_id, error)
            )
        except (*_FAULTS, _UnusableTextError, Unavailable) as error:
            if len(items) > 1:
                half = len(items) // 2
                await self._write(shop_id, items[:half])
                await self._write(shop_id, items[half:])
            else:
                self._report.fail(items[0].file, items[0].where, _reason(error))
        else:
            self._report.imported += len(items)
            self._report.passages += sum(len(item.document.passages) for item in items)
            self._report.shops.add(shop_id)

    async def _store(self, shop_id: int, documents: list[NewDocument]) -> None:
        try:
            prepared = await self._library.prepare(shop_id, documents)
        except ModelAnswerUnusable as error:
            await self._library.probe(shop_id)  # a model that answers nobody is no fault of the text: wait for it
            raise _UnusableTextError from error
        await self._library.store(shop_id, prepared)

    async def _blames(self, shop_id: int, error: Unavailable) -> bool:
        """Whether these documents alone are what the model or the database does not answer to in time."""
        match error:
            case ModelReplaced() | ModelChanged():
                return False
            case ModelUnavailable() | DatabaseUnavailable(__cause__=psycopg.errors.QueryCanceled()):
                with suppress(Unavailable):
                    await self._library.probe(shop_id)
                    return True
        return False  # a full queue, a full disk, no connection: everybody's


def _reason(error: Exception) -> str:
    match error:
        case _UnusableTextError():
            return "the model cannot embed it"
        case psycopg.Error():
            return f"the database refuses it: {(error.diag.message_primary or 'unknown')[:200]}"
        case Unavailable():
            return f"{error.detail.rstrip('.')}, again and again, while others were answered"
        case _:
            return str(error)
