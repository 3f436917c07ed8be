"""The database part of a search, alone: `python -m ops.bench.database --passages 100000 --shops 50`.

Shops of Zipf-distributed sizes with clustered vectors and Zipf-distributed words, on a server of its own in a temporary
folder; one question after the other. Prints latencies of the exact search and of the one through the index, the recall
of the latter, and what pgbench does with the very same statement. `--sizes 500 2000 …` makes shops of these sizes
instead: the way to choose `core.db.ann.THRESHOLD`. `--ladder` does it for 1 000, 10 000 and 100 000 passages, with
`--million` for 1 000 000 too (an hour and 12 GB of disk), and ends in a table.
"""

import argparse
import asyncio
import hashlib
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
BATCH = 500
LADDER = (1_000, 10_000, 100_000)
MILLION = 1_000_000
SHOWN = 12  # so many shops get lines of their own


def word(rank: int) -> str:
    """A word of letters, the same for the same rank."""
    number = int.from_bytes(hashlib.blake2b(str(rank).encode(), digest_size=5).digest())
    return "".join(chr(ord("a") + number // 26**place % 26) for place in range(8))


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
        return " ".join(word(int(rank)) for rank in ranks)

    def questions(self, count: int) -> list[tuple[str, HalfVector]]:
        """Eight words each, and one that no shop knows: it is looked for among all of the shop's words."""
        return [(f"{self.text(8)} unheardof", vector) for vector in self.vectors(count)]

    def passages(self, count: int) -> list[tuple[Passage, list[HalfVector]]]:
        vectors = self.vectors(count * VECTORS)
        return [
            (Passage(uuid7(), self.text(40)), vectors[number * VECTORS : (number + 1) * VECTORS])
            for number in range(count)
        ]


class Figures(msgspec.Struct, frozen=True):
    """What one number of passages cost: seconds of storing them and of the indexes, milliseconds of a search."""

    passages: int
    store_s: float
    indexes: int
    index_s: float
    store_indexed_s: float | None
    exact: list[float]
    ran: list[float]
    recall: float


async def fill(database: Database, world: World, sizes: Sequence[int]) -> float:
    """Teach the shops; the seconds in the database alone."""
    return sum([await add(database, shop_id, world, size) for shop_id, size in enumerate(sizes, 1)])


async def add(database: Database, shop_id: int, world: World, size: int) -> float:
    """Teach one shop; the seconds in the database alone."""
    took = 0.0
    for start in range(0, size, BATCH):
        items = world.passages(min(BATCH, size - start))
        begun = perf_counter()
        async with database.shop(shop_id, bulk=True) as conn:
            await insert_passages(conn, shop_id, "bench", items)
        took += perf_counter() - begun
    return took


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


async def measure(server: EmbeddedPostgres, sizes: Sequence[int], asked: int, threshold: int, folder: Path) -> Figures:
    settings = Settings(database_url=server.owner_dsn, database_app_url=server.app_dsn, database_timeout_s=120)
    database = await Database.open(settings)
    world = World()
    model = await register_model(database, digest="bench", name="bench", dimensions=DIMENSIONS)
    store_s = await fill(database, world, sizes)
    passages = sum(sizes)
    echo(f"{passages} passages, {passages * VECTORS} vectors, {len(sizes)} shops stored in {store_s:.1f} s")
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as conn:
        conn.execute("vacuum analyze")
    questions = world.questions(asked)
    exact = [await ask(database, state, model, questions) for state in await states(database, sizes)]
    start = perf_counter()
    built = await asyncio.to_thread(ann.build_indexes, server.owner_dsn, threshold)
    index_s = perf_counter() - start
    echo(f"{len(built)} indexes in {index_s:.0f} s")
    ran, recall = await again(database, sizes, model, questions, exact)
    query, embedding = questions[0]
    question = Question(query=query, limit=LIMIT, model=model, embedding=embedding)
    await beside_pgbench(database, server, sizes, question, folder)
    largest = max(range(len(sizes)), key=sizes.__getitem__) + 1
    indexed_s = await add(database, largest, world, BATCH) if built else None
    await database.close()
    times = [took for of_shop, _ in exact for took in of_shop]
    return Figures(passages, store_s, len(built), index_s, indexed_s, times, ran, recall)


async def states(database: Database, sizes: Sequence[int]) -> list[ShopState]:
    reader = ShopReader(database)
    return [await reader.read(shop) for shop in range(1, len(sizes) + 1)]


async def again(
    database: Database,
    sizes: Sequence[int],
    model: ModelRow,
    questions: list[tuple[str, HalfVector]],
    exact: list[tuple[list[float], list[set[str]]]],
) -> tuple[list[float], float]:
    """The searches as they run with the indexes, set beside the exact ones: their times, and recall@LIMIT."""
    ran: list[float] = []
    recalls: list[float] = []
    for state, size, (exact_took, wanted) in zip(await states(database, sizes), sizes, exact, strict=True):
        took, found = await ask(database, state, model, questions) if state.ann else (exact_took, wanted)
        recall = statistics.mean(len(a & b) / LIMIT for a, b in zip(found, wanted, strict=True))
        ran += took
        recalls.append(recall)
        if len(sizes) <= SHOWN:
            echo(line(f"shop of {size}, exact", exact_took))
        if state.ann:
            echo(f"{line(f'index of the shop of {size}', took)}  recall@{LIMIT} {recall:.3f}")
    echo(f"{line('all shops, as they run', ran)}  recall@{LIMIT} {statistics.mean(recalls):.3f}")
    return ran, statistics.mean(recalls)


async def beside_pgbench(
    database: Database, server: EmbeddedPostgres, sizes: Sequence[int], question: Question, folder: Path
) -> None:
    """The same question to the middle shop through our pool and through pgbench."""
    middle = sorted(range(len(sizes)), key=sizes.__getitem__)[len(sizes) // 2]
    state = msgspec.structs.replace((await states(database, sizes))[middle], ann=False)
    assert question.model is not None
    assert question.embedding is not None
    ours, _ = await ask(database, state, question.model, [(question.query, question.embedding)] * 200)
    theirs = await asyncio.to_thread(pgbench, server, state, question, folder)
    mean = statistics.mean(ours) * 1000
    echo(
        f"one question in the shop of {sizes[middle]}: {mean:.2f} ms,"
        f" pgbench {theirs:.2f} ms, {mean / theirs:.2f} times"
    )


def table(rows: Sequence[Figures]) -> str:
    """The figures as a table of Markdown."""
    lines = [
        "| Passages | Stored a second | Indexes, s | Stored with index | Exact p50/p95 ms | As it runs | Recall |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        indexed = "-" if row.store_indexed_s is None else f"{BATCH / row.store_indexed_s:.0f}"
        exact, ran = (
            "/".join(f"{np.percentile(took, share) * 1000:.1f}" for share in (50, 95)) for took in (row.exact, row.ran)
        )
        lines.append(
            f"| {row.passages} | {row.passages / row.store_s:.0f} | {row.indexes}, {row.index_s:.1f} | {indexed}"
            f" | {exact} | {ran} | {row.recall:.3f} |"
        )
    return "\n".join(lines)


def zipf_sizes(passages: int, shops: int) -> list[int]:
    weights = [1 / rank for rank in range(1, shops + 1)]
    return [max(10, round(passages * weight / sum(weights))) for weight in weights]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--shops", type=int, default=50)
    parser.add_argument("--sizes", type=int, nargs="*", help="shops of these sizes instead")
    parser.add_argument("--ladder", action="store_true", help=f"{LADDER} passages one after the other")
    parser.add_argument("--million", action="store_true", help=f"the ladder up to {MILLION}")
    parser.add_argument("--questions", type=int, default=20, help="to each shop")
    parser.add_argument("--threshold", type=int, default=ann.THRESHOLD, help="vectors from which a shop gets an index")
    given = parser.parse_args()
    rungs = [*LADDER, *([MILLION] if given.million else [])] if given.ladder or given.million else [given.passages]
    worlds = [given.sizes] if given.sizes else [zipf_sizes(passages, given.shops) for passages in rungs]
    rows = [run(sizes, given.questions, given.threshold) for sizes in worlds]
    echo(table(rows))


def run(sizes: Sequence[int], asked: int, threshold: int) -> Figures:
    """Measure on a server of its own in a temporary folder."""
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
            return uvloop.run(measure(server, sizes, asked, threshold, Path(folder)))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
