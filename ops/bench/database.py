"""The database part of a search, alone: `python -m ops.bench.database --passages 100000 --shops 50`.

Shops of Zipf-distributed sizes with clustered vectors and Zipf-distributed words, on a server of its own in a temporary
folder; one question after the other. Prints latencies of the exact search and of the one through the index, the recall
of the latter, and what pgbench does with the very same statement. `--sizes 500 2000 …` makes shops of these sizes
instead: the way to choose `core.db.ann.THRESHOLD`.
"""

import argparse
import asyncio
import os
import platform
import re
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import msgspec
import numpy as np
import psycopg
import uvloop
from click import echo
from pgvector import HalfVector
from uuid_utils.compat import uuid7

from core.db import ann
from core.db.migrate import migrate
from core.db.models import ModelRow, register_model
from core.db.passages import Passage, insert_passages
from core.db.pool import Database
from core.db.search import Question, search, statement, values
from core.db.shops import ShopReader, ShopState
from core.settings import Settings
from ops.stack.postgres import EmbeddedPostgres

DIMENSIONS = 384
VECTORS = 3  # of a passage: the whole and two chunks
WORDS = 30_000
LIMIT = 10
SHOWN = 12  # so many shops get lines of their own


class World:
    """Random passages and questions that resemble them."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(1)
        self.centres = self.random.normal(size=(2000, DIMENSIONS))

    def vectors(self, count: int) -> list[HalfVector]:
        near = self.centres[self.random.integers(0, len(self.centres), count)]
        made = near + self.random.normal(size=near.shape) * 0.6
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        return [HalfVector(row.astype(np.float16)) for row in made]

    def text(self, words: int) -> str:
        # The commonest hundred stand for stop words, which are not indexed.
        ranks = np.minimum(self.random.zipf(1.1, words) + 100, WORDS)
        return " ".join(f"word{rank}" for rank in ranks)

    def questions(self, count: int) -> list[tuple[str, HalfVector]]:
        return [(self.text(8), vector) for vector in self.vectors(count)]


async def fill(database: Database, world: World, sizes: Sequence[int]) -> ModelRow:
    model = await register_model(database, digest="bench", name="bench", dimensions=DIMENSIONS)
    for shop_id, size in enumerate(sizes, 1):
        for start in range(0, size, 500):
            count = min(500, size - start)
            vectors = world.vectors(count * VECTORS)
            items = [
                (Passage(uuid7(), world.text(40)), vectors[number * VECTORS : (number + 1) * VECTORS])
                for number in range(count)
            ]
            async with database.shop(shop_id) as conn:
                await insert_passages(conn, shop_id, "bench", items)
    return model


async def ask(
    database: Database, state: ShopState, model: ModelRow, questions: list[tuple[str, HalfVector]]
) -> tuple[list[float], list[set[str]]]:
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
    p50, p95, p99 = (np.percentile(took, share) * 1000 for share in (50, 95, 99))
    return f"{name:>28}  p50 {p50:7.2f}  p95 {p95:7.2f}  p99 {p99:7.2f} ms  ({len(took)} questions)"


def pgbench(server: EmbeddedPostgres, state: ShopState, question: Question, folder: Path) -> float:
    """Milliseconds that pgbench needs for the same two statements in one pipeline, planned each time as ours are."""
    with psycopg.connect(server.app_dsn) as conn:
        client = psycopg.ClientCursor(conn)
        given = values(state, question)
        assert question.embedding is not None
        text = statement(state, question).as_string(conn).replace("%(embedding)b", "%(embedding)s::halfvec")
        text = client.mogrify(text, {**given, "embedding": question.embedding.to_text()})
    script = folder / "search.sql"
    pipeline = f"select set_config('edge.shop_id', '{state.shop_id}', true);\n{' '.join(text.split())};\n"
    script.write_text(f"\\startpipeline\n{pipeline}\\endpipeline\n")
    options = "-c plan_cache_mode=force_custom_plan -c jit=off"
    done = subprocess.run(
        [server.binaries.bin / "pgbench", "-n", "-M", "extended", "-T", "3", "-f", script, server.app_dsn],
        env={**os.environ, "PGOPTIONS": options},
        capture_output=True,
        text=True,
        check=True,
    )
    match = re.search(r"latency average = ([\d.]+) ms", done.stdout)
    assert match is not None
    return float(match[1])


async def measure(server: EmbeddedPostgres, sizes: Sequence[int], asked: int, threshold: int, folder: Path) -> None:
    settings = Settings(database_url=server.owner_dsn, database_app_url=server.app_dsn, database_timeout_s=120)
    database = await Database.open(settings)
    world = World()
    start = perf_counter()
    model = await fill(database, world, sizes)
    echo(f"{sum(sizes)} passages, {sum(sizes) * VECTORS} vectors, {len(sizes)} shops in {perf_counter() - start:.0f} s")
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as conn:
        conn.execute("vacuum analyze")
    reader = ShopReader(database)
    questions = world.questions(asked)
    exact = {shop: await ask(database, await reader.read(shop), model, questions) for shop in range(1, len(sizes) + 1)}
    start = perf_counter()
    built = await asyncio.to_thread(ann.build_indexes, server.owner_dsn, threshold)
    echo(f"{len(built)} indexes in {perf_counter() - start:.0f} s")
    ran: list[float] = []
    recalls: list[float] = []
    for shop, size in enumerate(sizes, 1):
        state = await reader.read(shop)
        took, found = await ask(database, state, model, questions) if state.ann else exact[shop]
        recall = statistics.mean(len(a & b) / LIMIT for a, b in zip(found, exact[shop][1], strict=True))
        ran += took
        recalls.append(recall)
        if len(sizes) <= SHOWN:
            echo(line(f"shop of {size}, exact", exact[shop][0]))
            if state.ann:
                echo(f"{line('its index', took)}  recall@{LIMIT} {recall:.3f}")
    echo(f"{line('all shops, as they run', ran)}  recall@{LIMIT} {statistics.mean(recalls):.3f}")
    middle = sorted(range(1, len(sizes) + 1), key=lambda shop: sizes[shop - 1])[len(sizes) // 2]
    state = msgspec.structs.replace(await reader.read(middle), ann=False)
    question = Question(query=questions[0][0], limit=LIMIT, model=model, embedding=questions[0][1])
    ours, _ = await ask(database, state, model, questions[:1] * 200)
    theirs = await asyncio.to_thread(pgbench, server, state, question, folder)
    mean = statistics.mean(ours) * 1000
    echo(
        f"one question in the shop of {sizes[middle - 1]}: {mean:.2f} ms,"
        f" pgbench {theirs:.2f} ms, {mean / theirs:.2f} times"
    )
    await database.close()


def zipf_sizes(passages: int, shops: int) -> list[int]:
    weights = [1 / rank for rank in range(1, shops + 1)]
    return [max(10, round(passages * weight / sum(weights))) for weight in weights]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--shops", type=int, default=50)
    parser.add_argument("--sizes", type=int, nargs="*", help="shops of these sizes instead")
    parser.add_argument("--questions", type=int, default=20, help="to each shop")
    parser.add_argument("--threshold", type=int, default=ann.THRESHOLD, help="vectors from which a shop gets an index")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edge-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder) / "home", Path(folder) / "pg")
        try:
            server.prepare()
            server.start()
            server.wait_ready()
            migrate(server.owner_dsn)
            with psycopg.connect(server.owner_dsn) as conn:
                version = conn.info.server_version
            echo(
                f"{platform.machine()}, {os.cpu_count()} cores,"
                f" Python {platform.python_version()}, PostgreSQL {version}"
            )
            sizes = given.sizes or zipf_sizes(given.passages, given.shops)
            uvloop.run(measure(server, sizes, given.questions, given.threshold, Path(folder)))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
