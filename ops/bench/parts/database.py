"""The database part of a search, beside pgbench with the same prepared statements; and what the indexes find."""

import asyncio
import itertools
import statistics
from collections.abc import Callable, Sequence
from time import perf_counter

import msgspec
import psycopg
import uvloop

from core.db import ann
from core.db.models import register_model
from core.db.pool import Database
from core.db.search import Question, search
from core.db.shops import ShopReader, ShopState
from core.settings import Settings
from ops.bench import pgbench
from ops.bench.figure import Figure, Side, interleaved
from ops.bench.latency import summary
from ops.bench.pgbench import Asked
from ops.bench.scale import Scale
from ops.bench.world import DIGEST, DIMENSIONS, World, fill, scratch_database, zipf_sizes
from ops.stack.postgres import EmbeddedPostgres

LIMIT = 10
OURS, THEIRS = "our pool", "pgbench"


def measure_database(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    """The figures of this part."""
    found = []
    for passages in scale.passages:
        say(f"{passages} passages over {scale.shops} shops")
        with scratch_database() as (server, _):
            found += uvloop.run(_measure(server, passages, scale, say))
    return found


async def _measure(server: EmbeddedPostgres, passages: int, scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    settings = Settings(database_url=server.owner_dsn, database_app_url=server.app_dsn, database_timeout_s=120)
    database = await Database.open(settings)
    try:
        world = World()
        stored_s = await _prepare(server, database, world, zipf_sizes(passages, scale.shops), say)
        exactly = await _questions(database, world, scale)
        wanted = [await _found(database, asked) for asked in exactly]
        built = await asyncio.to_thread(ann.build_indexes, server.owner_dsn) or []
        say(f"{len(built)} indexes")
        states = await _again(database, exactly)
        searches = [Asked(state, asked.question) for state, asked in zip(states, exactly, strict=True)]
        recalls = [
            len(await _found(database, asked) & right) / len(right)
            for asked, right in zip(searches, wanted, strict=True)
            if right
        ]
        sides = await _rounds(server, database, settings, searches, scale)
    finally:
        await database.close()
    note = f"{passages / stored_s:.0f} passages stored a second; {len(built)} shops with an index"
    return _figures(passages, scale.shops, sides, statistics.mean(recalls), note)


async def _prepare(
    server: EmbeddedPostgres, database: Database, world: World, sizes: Sequence[int], say: Callable[[str], None]
) -> float:
    await register_model(database, digest=DIGEST, name=DIGEST, dimensions=DIMENSIONS)
    stored_s = await fill(database, world, sizes)
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as conn:
        conn.execute("vacuum analyze")
    say(f"stored in {stored_s:.0f} s")
    return stored_s


async def _questions(database: Database, world: World, scale: Scale) -> list[Asked]:
    """So many questions to each shop, searched exactly."""
    model = await register_model(database, digest=DIGEST, name=DIGEST, dimensions=DIMENSIONS)
    reader = ShopReader(database)
    each = min(scale.questions, pgbench.MOST_SCRIPTS // scale.shops)
    return [
        Asked(await reader.read(shop), Question(query=query, limit=LIMIT, model=model, embedding=vector))
        for shop in range(1, scale.shops + 1)
        for query, vector in world.questions(each)
    ]


async def _again(database: Database, searches: Sequence[Asked]) -> list[ShopState]:
    reader = ShopReader(database)
    return [await reader.read(asked.state.shop_id) for asked in searches]


async def _found(database: Database, asked: Asked) -> set[str]:
    question = msgspec.structs.asdict(asked.question)
    return {str(hit.id) for hit in await search(database, asked.state, **question)}


async def _rounds(
    server: EmbeddedPostgres, database: Database, settings: Settings, searches: Sequence[Asked], scale: Scale
) -> dict[str, Side]:
    taken: dict[str, list[list[list[float]]]] = {OURS: [], THEIRS: []}
    program = server.binaries.bin / "pgbench"
    for asked in searches:  # warm up
        await _found(database, asked)
    for _, name in interleaved(taken, scale.rounds):
        if name == OURS:
            taken[name].append(await _ask(database, searches, scale.pgbench_s))
        else:
            taken[name].append(await asyncio.to_thread(pgbench.run, program, settings, searches, scale.pgbench_s))
    return {name: _side(name, rounds) for name, rounds in taken.items()}


async def _ask(database: Database, searches: Sequence[Asked], seconds: float) -> list[list[float]]:
    """The same through our pool, one after the other: seconds that each search took, time after time."""
    took: list[list[float]] = [[] for _ in searches]
    parts = [(asked.state, msgspec.structs.asdict(asked.question)) for asked in searches]
    end = perf_counter() + seconds
    for number in itertools.cycle(range(len(parts))):
        state, question = parts[number]
        begun = perf_counter()
        if begun > end and all(took):
            return took
        await search(database, state, **question)
        took[number].append(perf_counter() - begun)
    raise AssertionError("there is no end but the one above")


def _side(name: str, rounds: Sequence[Sequence[Sequence[float]]]) -> Side:
    """A round's value is the mean over the searches of each one's median, so that none counts by its share."""
    values = [statistics.mean(statistics.median(took) for took in searches if took) * 1000 for searches in rounds]
    every = summary(second for searches in rounds for took in searches for second in took)
    return Side(name=name, rounds=tuple(round(value, 4) for value in values), latency=every)


def _figures(passages: int, shops: int, sides: dict[str, Side], recall: float, note: str) -> list[Figure]:
    what = f"{passages:_} passages, {shops} shops".replace("_", " ")
    return [
        Figure(
            key=f"database.{passages}", title=f"database part of a search, {what}", unit="ms", better="lower",
            ours=sides[OURS], floor=sides[THEIRS], note=note,
        ),
        Figure(
            key=f"database.{passages}.recall", title=f"recall@{LIMIT}, {what}", unit="share", better="higher",
            ours=Side(name="as it runs, of the exact search", rounds=(round(recall, 4),)),
        ),
    ]  # fmt: skip
