"""Exact search beside the index, for shops of these sizes: the way to choose `core.db.ann.THRESHOLD`.

`python -m ops.bench.threshold 1000 2000 5000 10000 --threshold 2000` makes such shops on a server of its own, and
prints the latencies of both searches and the recall of the one through the index. What `make bench` measures is in
`ops/bench/parts/database.py`.
"""

import argparse
import asyncio
import statistics
from collections.abc import Sequence
from time import perf_counter

import psycopg
import uvloop
from click import echo
from pgvector import HalfVector

from core.db import ann
from core.db.models import ModelRow, register_model
from core.db.pool import Database
from core.db.search import search
from core.db.shops import ShopReader, ShopState
from core.settings import Settings
from ops.bench.latency import summary
from ops.bench.world import BATCH, DIGEST, DIMENSIONS, World, add, fill, scratch_database
from ops.stack.postgres import EmbeddedPostgres

LIMIT = 10
Questions = list[tuple[str, HalfVector]]
Asked = tuple[list[float], list[set[str]]]


async def ask(database: Database, state: ShopState, model: ModelRow, questions: Questions) -> Asked:
    """The seconds that each question took, and the ids that it found; asked once before to warm up."""
    found, took = [], []
    for timed in (False, True):
        for query, embedding in questions:
            start = perf_counter()
            hits = await search(database, state, query=query, limit=LIMIT, model=model, embedding=embedding)
            if timed:
                took.append(perf_counter() - start)
                found.append({str(hit.id) for hit in hits})
    return took, found


def line(name: str, took: list[float]) -> str:
    """What so many questions took, for people."""
    return f"{name:>28}  p50 / p95 / p99 {summary(took).words} ms  ({len(took)} questions)"


async def measure(server: EmbeddedPostgres, sizes: Sequence[int], asked: int, threshold: int) -> None:
    """Exactly first, then through the indexes that these sizes get."""
    settings = Settings(database_url=server.owner_dsn, database_app_url=server.app_dsn, database_timeout_s=120)
    database = await Database.open(settings)
    try:
        world = World()
        model = await register_model(database, digest=DIGEST, name=DIGEST, dimensions=DIMENSIONS)
        echo(f"{sum(sizes)} passages stored in {await fill(database, world, sizes):.1f} s")
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as conn:
            conn.execute("vacuum analyze")
        questions = world.questions(asked)
        exact = [await ask(database, state, model, questions) for state in await states(database, sizes)]
        start = perf_counter()
        built = await asyncio.to_thread(ann.build_indexes, server.owner_dsn, threshold) or []
        echo(f"{len(built)} indexes in {perf_counter() - start:.0f} s")
        for state, size, before in zip(await states(database, sizes), sizes, exact, strict=True):
            echo(line(f"shop of {size}, exact", before[0]))
            if state.ann:
                echo(beside(size, before, await ask(database, state, model, questions)))
        echo(f"{BATCH / await add(database, 1, world, BATCH):.0f} passages a second into the first shop, index or not")
    finally:
        await database.close()


async def states(database: Database, sizes: Sequence[int]) -> list[ShopState]:
    """Of the shops, as they are now."""
    reader = ShopReader(database)
    return [await reader.read(shop) for shop in range(1, len(sizes) + 1)]


def beside(size: int, exact: Asked, indexed: Asked) -> str:
    """The search through the index, with its recall against the exact one."""
    recall = statistics.mean(len(a & b) / LIMIT for a, b in zip(indexed[1], exact[1], strict=True))
    return f"{line(f'index of the shop of {size}', indexed[0])}  recall@{LIMIT} {recall:.3f}"


def main() -> None:
    """Make the shops on a server of its own, and measure."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench.threshold", description=__doc__)
    parser.add_argument("sizes", type=int, nargs="+", help="passages of each shop")
    parser.add_argument("--questions", type=int, default=100, help="to each shop; a p95 takes 20, a p99 100")
    parser.add_argument("--threshold", type=int, default=ann.THRESHOLD, help="vectors from which a shop gets an index")
    given = parser.parse_args()
    with scratch_database() as (server, _):
        uvloop.run(measure(server, given.sizes, given.questions, given.threshold))


if __name__ == "__main__":
    main()
