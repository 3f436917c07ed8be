"""Shops with passages for tests: vectors without a model, and the database opened as a function opens it."""

import math
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID
from zlib import crc32

import msgspec
from pgvector import HalfVector
from uuid_utils.compat import uuid7

from core.db.models import ModelRow, register_model
from core.db.passages import Passage, insert_passages
from core.db.pool import Database
from core.settings import Settings

DIGEST = "test-model"
DIMENSIONS = 8


def unit(*values: float) -> HalfVector:
    """A vector of unit length in the direction of the values, filled up with zeros to DIMENSIONS."""
    padded = [*values, *[0.0] * (DIMENSIONS - len(values))]
    length = math.hypot(*padded)
    return HalfVector([value / length for value in padded])


def random_unit(seed: int, dimensions: int = DIMENSIONS) -> HalfVector:
    """The same vector of unit length for the same seed."""
    source = random.Random(seed)
    values = [source.gauss(0, 1) for _ in range(dimensions)]
    length = math.hypot(*values)
    return HalfVector([value / length for value in values])


@asynccontextmanager
async def opened(settings: Settings, **changes: object) -> AsyncIterator[Database]:
    """The database as a function opens it, with some settings changed."""
    database = await Database.open(msgspec.structs.replace(settings, **changes))
    try:
        yield database
    finally:
        await database.close()


async def the_model(database: Database, dimensions: int = DIMENSIONS) -> ModelRow:
    """The model that all test vectors are of."""
    return await register_model(database, digest=DIGEST, name="test", dimensions=dimensions)


async def teach(database: Database, shop_id: int, contents: Sequence[str], category: str | None = None) -> list[UUID]:
    """Add passages to a shop, each with a vector of its own; returns their ids."""
    await the_model(database)
    passages = [Passage(uuid7(), content, category=category) for content in contents]
    async with database.shop(shop_id) as conn:
        await insert_passages(
            conn, shop_id, DIGEST, [(passage, [random_unit(crc32(passage.content.encode()))]) for passage in passages]
        )
    return [passage.id for passage in passages]
