"""What the benchmark of the database asks: each search in turn on both sides, and a recall that can fail."""

import asyncio

import msgspec
import pytest

from core.db import ann
from core.db import search as searching
from core.db.models import register_model
from core.db.pool import Database
from ops.bench import pgbench
from ops.bench.parts.database import ask_in_turn, questions, recall
from ops.bench.world import DIGEST, DIMENSIONS, World, fill

SHOPS = (120, 20)
INDEXED_FROM = 300  # vectors: the first shop alone


@pytest.fixture
async def filled(database):
    """Two shops, the first with an index, and questions to each."""
    db = await Database.open(database.settings)
    world = World()
    try:
        await register_model(db, digest=DIGEST, name=DIGEST, dimensions=DIMENSIONS)
        await fill(db, world, SHOPS)
        await asyncio.to_thread(ann.build_indexes, database.owner_dsn, INDEXED_FROM)
        yield db, await questions(db, world, [1, 2]), await questions(db, world, [1] * 5)
    finally:
        await db.close()


async def test_both_sides_ask_every_search_as_often(filled, database):
    db, searches, _ = filled
    assert [True, False] == [asked.state.ann for asked in searches]
    program = database.server.binaries.bin / "pgbench"
    theirs = await asyncio.to_thread(pgbench.run, program, database.settings, searches, 3)
    ours = await ask_in_turn(db, searches, 3)
    assert [3, 3] == [len(took) for took in theirs] == [len(took) for took in ours]
    assert all(second > 0 for took in (*theirs, *ours) for second in took)


async def test_an_index_that_finds_too_little_is_seen(filled, monkeypatch):
    db, _, asked = filled
    assert await recall(db, asked) > 0.9
    monkeypatch.setattr(searching, "CANDIDATES", 1)
    searching._composed_for_index.cache_clear()
    try:
        assert await recall(db, asked) < 0.5
    finally:
        searching._composed_for_index.cache_clear()


async def test_pgbench_that_fails_says_why(filled, database):
    _, searches, _ = filled
    program = database.server.binaries.bin / "pgbench"
    nowhere = msgspec.structs.replace(
        database.settings, database_app_url=database.app_dsn.replace(database.name, "nowhere")
    )
    with pytest.raises(RuntimeError, match="nowhere"):
        pgbench.run(program, nowhere, searches, 1)
