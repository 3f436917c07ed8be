"""The facts of every shop, kept: read, replaced, undone, with all their versions."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from core.db import facts as rows
from core.db.connection import Connection
from core.db.facts import FactVersion
from core.db.pool import Database
from core.errors import NotFound, PreconditionFailed, PreconditionRequired
from core.facts.answers import StatedFacts
from core.facts.stored import from_document, to_document
from core.facts.types import Facts
from core.flight import Flight
from core.knowledge.once import Once, Reply, together, write_once

_LAST = 2**31 - 1
_Write = Callable[[Connection], Awaitable[FactVersion]]
Respond = Callable[["Version"], Reply]


class Version(msgspec.Struct, frozen=True):
    """One version of a shop's facts; `facts` is None where there were none. Version 0 is before the first."""

    version: int
    facts: Facts | None
    changed_at: datetime
    restores: int | None = None
    key_id: UUID | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Who changes what they have seen: the version, the key, the `Idempotency-Key`; the operator's command has none."""

    expected: int | None = None
    key_id: UUID | None = None
    once: Once | None = None


class FactBook:
    """Reads and writes typed facts.

    `expected` of a Change is the version that the caller has seen: with another one in force a write raises
    PreconditionFailed, so that of two editors the second one notices; None is right only where there are none
    (PreconditionRequired). The same `Once` again is answered again with the same bytes. Every method may raise
    DatabaseUnavailable.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._flight: Flight[Reply] = Flight()

    async def current(self, shop_id: int) -> Version | None:
        """The version in force; None for a shop that never had facts."""
        row = await rows.current(self._database, shop_id)
        return None if row is None else _version(row)

    async def stated(self, shop_id: int) -> StatedFacts | None:
        """The facts in force and when they were stated, for `core.answer.compose`; None where there are none."""
        found = await self.current(shop_id)
        return None if found is None or found.facts is None else StatedFacts(found.facts, found.changed_at)

    async def history(self, shop_id: int, *, before: int | None, limit: int) -> tuple[list[Version], int]:
        """Versions below `before`, newest first, and how many there are in all."""
        found = await rows.history(self._database, shop_id, before=before or _LAST, limit=limit)
        return [_version(row) for row in found], await rows.count(self._database, shop_id)

    async def put(
        self,
        shop_id: int,
        facts: Facts,
        respond: Respond,
        by: Change,
    ) -> Reply:
        """Put these facts, checked by `core.facts.check`, in the place of all that were there."""
        document = to_document(facts)

        async def write(conn: Connection) -> FactVersion:
            await self._at(conn, shop_id, by.expected)
            return await rows.append(conn, shop_id, document, restores=None, key_id=by.key_id)

        return await self._single(shop_id, by.once, write, respond)

    async def undo(
        self,
        shop_id: int,
        respond: Respond,
        by: Change,
        *,
        to_version: int | None = None,
    ) -> Reply:
        """Restore an earlier version, by default the one before that in force, as a new one. Raises NotFound."""

        async def write(conn: Connection) -> FactVersion:
            now = await rows.current_locked(conn, shop_id)
            if now is None:
                raise NotFound("This shop has no facts to undo.")
            if by.expected is not None and now.version != by.expected:
                raise _changed(now.version)
            wanted = now.version - 1 if to_version is None else to_version
            before = await rows.one(conn, shop_id, wanted) if wanted else None
            if wanted >= now.version or (wanted and before is None):
                raise NotFound(f"This shop's facts have no version {wanted} to go back to.")
            document = None if before is None else before.document
            return await rows.append(conn, shop_id, document, restores=wanted, key_id=by.key_id)

        return await self._single(shop_id, by.once, write, respond)

    @staticmethod
    async def _at(conn: Connection, shop_id: int, expected: int | None) -> None:
        now = await rows.current_locked(conn, shop_id)
        version = 0 if now is None else now.version
        if expected is None and version:
            raise PreconditionRequired("There are facts already: send the ETag that you read as If-Match.")
        if expected is not None and expected != version:
            raise _changed(version)

    async def _single(self, shop_id: int, once: Once | None, write: _Write, respond: Respond) -> Reply:
        async def answered(conn: Connection) -> Reply:
            return respond(_version(await write(conn)))

        return await together(self._flight, shop_id, once, lambda: write_once(self._database, shop_id, once, answered))


def _version(row: FactVersion) -> Version:
    facts = None if row.document is None else from_document(row.document)
    return Version(row.version, facts, row.created_at.astimezone(UTC), row.restores, row.key_id)


def _changed(version: int) -> PreconditionFailed:
    return PreconditionFailed(f"The facts have changed since you read them: they are at version {version} now.")
