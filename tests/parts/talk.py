"""Turns of conversations for tests, and an outbox over a database as a function opens it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from core.answer.turn import Turn
from core.conversations.events import appliers
from core.db.pool import Database
from core.outbox.outbox import Outbox
from core.settings import Settings


def turn(conversation_id: UUID | None = None, **fields: Any) -> Turn:
    """A turn as the assistant hands it over."""
    given = {
        "shop_id": 3,
        "user_id": "user-7",
        "message": "How much is a beard trim?",
        "response": "A beard trim costs 14 and takes 20 minutes.",
        "sources": [{"content": "A beard trim costs 14.", "category": "prices", "similarity": 0.9, "source": "menu"}],
        "answered": True,
        "created_at": datetime.now(UTC),
    }
    return Turn(conversation_id=conversation_id or uuid7(), **{**given, **fields})


@asynccontextmanager
async def outbox_over(settings: Settings, *, drains: bool = True, **more: Any) -> AsyncIterator[Outbox]:
    """An outbox in the home of the settings; with `drains` into their database."""
    database = await Database.open(settings)
    outbox = Outbox(settings.home / "outbox", 64, {"database": {**appliers(database), **more}})
    if drains:
        outbox.start()
    try:
        yield outbox
    finally:
        await outbox.close()
        await database.close()


def rows(database, statement: str, *values: Any) -> list[tuple]:
    """What a superuser sees, past row-level security."""
    with psycopg.connect(database.superuser_dsn) as conn:
        return conn.execute(statement, values).fetchall()
