"""The database part of a search, beside pgbench with the same prepared statements; and what the indexes find."""

import asyncio
import statistics
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter

import msgspec
import psycopg
import uvloop

from core.db import ann
from core.db.models import register_model
from core.db.pool import Database
from core.db.search import Question, search
from core.db.shops import ShopReader
from core.settings import Settings
from ops.bench import pgbench
from ops.bench.figure import SHARE, Figure, Side, interleaved
from ops.bench.latency import summary
from ops.bench.pgbench import Asked
from ops.bench.scale import Scale
from ops.bench.world import DIGEST, DIMENSIONS, World, fill, scratch_database, zipf_sizes
from ops.stack.postgres import EmbeddedPostgres

LIMIT = 10
WARM = 2  # of each search and round, on both sides: the first one is parsed, and its catalogue entries are read
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
    # One connection, as pgbench has: more would each have to be warmed.
    settings = Settings(
        database_url=server.owner_dsn, database_app_url=server.app_dsn, database_timeout_s=120, database_pool=1
    )
    database = await Database.open(settings)
    try:
        world = World()
        stored_s = await _prepare(server, database, world, zipf_sizes(passages, scale.shops), say)
        built = await asyncio.to_thread(ann.build_indexes, server.owner_dsn) or []
        say(f"{len(built)} indexes")
        searches = await questions(database, world, range(1, scale.shops + 1))
        sides = await _rounds(server, database, settings, searches, scale)
        indexed = [asked.state.shop_id for asked in searches if asked.state.ann]
        say(f"recall of {len(indexed)} shops with an index")
        recalls = [
            await recall(database, await questions(database, world, indexed * scale.recalled))
            for _ in range(scale.rounds if indexed else 0)
        ]
    finally:
        await database.close()
    what = f"{passages:_} passages, {scale.shops} shops".replace("_", " ")
    note = f"{passages / stored_s:.0f} passages stored a second; of each search {scale.asks} samples a round and side"
    return [
        _times(passages, what, sides, f"{note}; {_told(indexed)}"),
        *_recalls(passages, what, recalls),
    ]


async def _prepare(
    server: EmbeddedPostgres, database: Database, world: World, sizes: Sequence[int], say: Callable[[str], None]
) -> float:
    await register_model(database, digest=DIGEST, name=DIGEST, dimensions=DIMENSIONS)
    stored_s = await fill(database, world, sizes)
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as conn:
        conn.execute("vacuum analyze")
    say(f"stored in {stored_s:.0f} s")
    return stored_s


async def questions(database: Database, world: World, shops: Iterable[int]) -> list[Asked]:
    """A question to each, with the state of the shop as it is now."""
    model = await register_model(database, digest=DIGEST, name=DIGEST, dimensions=DIMENSIONS)
    reader = ShopReader(database)
    return [
        Asked(await reader.read(shop), Question(query=query, limit=LIMIT, model=model, embedding=vector))
        for shop in shops
        for query, vector in world.questions(1)
    ]


async def recall(database: Database, searches: Sequence[Asked]) -> float:
    """The share of what the exact search finds that the search through the index finds too."""
    shares = []
    for asked in searches:
        right = await _found(database, Asked(msgspec.structs.replace(asked.state, ann=False), asked.question))
        shares += [len(await _found(database, asked) & right) / len(right)] if right else []
    return statistics.mean(shares)


async def _found(database: Database, asked: Asked) -> set[str]:
    question = msgspec.structs.asdict(asked.question)
    return {str(hit.id) for hit in await search(database, asked.state, **question)}


async def _rounds(
    server: EmbeddedPostgres, database: Database, settings: Settings, searches: Sequence[Asked], scale: Scale
) -> dict[str, Side]:
    taken: dict[str, list[list[list[float]]]] = {OURS: [], THEIRS: []}
    program = server.binaries.bin / "pgbench"
    times = WARM + scale.asks
    for _, name in interleaved(taken, scale.rounds):
        if name == OURS:
            took = await ask_in_turn(database, searches, times)
        else:
            took = await asyncio.to_thread(pgbench.run, program, settings, searches, times)
        taken[name].append([of[WARM:] for of in took])
    return {name: _side(name, rounds) for name, rounds in taken.items()}


async def ask_in_turn(database: Database, searches: Sequence[Asked], times: int) -> list[list[float]]:
    """The same through our pool, in turn as pgbench does: seconds that each search took, time after time."""
    took: list[list[float]] = [[] for _ in searches]
    parts = [(asked.state, msgspec.structs.asdict(asked.question)) for asked in searches]
    for _ in range(times):
        for number, (state, question) in enumerate(parts):
            begun = perf_counter()
            await search(database, state, **question)
            took[number].append(perf_counter() - begun)
    return took


def _side(name: str, rounds: Sequence[Sequence[Sequence[float]]]) -> Side:
    """A round's value is the mean over the searches of each one's median, so that none counts by its share."""
    values = [statistics.mean(statistics.median(took) for took in searches) * 1000 for searches in rounds]
    every = summary(second for searches in rounds for took in searches for second in took)
    return Side(name=name, rounds=tuple(round(value, 4) for value in values), latency=every)


def _told(indexed: Sequence[int]) -> str:
    if not indexed:
        return "no shop has an index: all are searched exactly, and there is no recall to measure"
    return f"{len(indexed)} shops with an index"


def _times(passages: int, what: str, sides: dict[str, Side], note: str) -> Figure:
    return Figure(
        key=f"database.{passages}", title=f"database part of a search, {what}", unit="ms", better="lower",
        ours=sides[OURS], floor=sides[THEIRS], note=note,
    )  # fmt: skip


def _recalls(passages: int, what: str, rounds: Sequence[float]) -> list[Figure]:
    """Of the shops with an index alone: the others are searched exactly, and would only hide what these lose."""
    return [
        Figure(
            key=f"database.{passages}.recall", title=f"recall@{LIMIT} of the shops with an index, {what}", unit=SHARE,
            better="higher",
            ours=Side(name="through the index, of the exact search", rounds=tuple(round(of, 4) for of in rounds)),
        )
    ] if rounds else []  # fmt: skip
