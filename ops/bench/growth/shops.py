"""What shops and their passages cost as they grow in number: a search, a write, a deploy, and disk."""

import asyncio
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
from click import echo
from pgvector import HalfVector
from uuid_utils.compat import uuid7

from core.db.ann import count_shops
from core.db.documents import Stored, drop_documents, swap_documents
from core.db.models import ModelRow, register_model
from core.db.passages import Passage, insert_passages
from core.db.pool import Database
from core.db.search import search
from core.db.shops import ShopReader
from core.errors import DatabaseUnavailable
from core.settings import Settings
from ops.bench import processes
from ops.bench.growth import page
from ops.bench.growth.deploys import deploys_beside
from ops.bench.growth.page import ColdRung, ShopRung
from ops.bench.latency import summary
from ops.bench.world import DIGEST, DIMENSIONS, World
from ops.importing.batches import BATCH_DOCUMENTS
from ops.stack.environment import moment
from ops.stack.postgres import EmbeddedPostgres

PASSAGES = 100  # of a shop: opening hours, prices, staff, and what is asked again and again
POOL = 3_000  # texts and vectors that shops are made of: none is searched together with another shop's
AT_ONCE = 4  # connections of the pool
ASKED = 300
WARMING = 20  # questions that are not counted: catalogues, and the statement on each connection
ADDED, LEARNED = 50, 20  # passages one by one, and batches of documents
LIMIT = 5
HASH = bytes(32)  # of a document: nobody compares it
SHOP_RUNGS = (10, 100, 1_000, 3_000, 10_000)
RELATIONS = ("passage", "passage_vector", "posting", "term")
SIZES = "select pg_database_size(current_database()), {}"


class Growth:
    """A database that grows; `random` gives the same shops and questions in every run."""

    def __init__(self, database: Database, server: EmbeddedPostgres, model: ModelRow) -> None:
        self._database = database
        self._server = server
        self._model = model
        self._world = World()
        self._pool = self._world.passages(POOL)
        self._random = random.Random(1)  # noqa: S311 - the same in every run

    async def grow(self, shops: int, until: float) -> bool:
        """Add shops up to so many; False when the time was over first."""
        wanted = range(count_shops(self._server.owner_dsn) + 1, shops + 1)
        for start in range(0, len(wanted), AT_ONCE):
            if time.monotonic() > until:
                return False
            await asyncio.gather(*(self._add(shop_id, PASSAGES) for shop_id in wanted[start : start + AT_ONCE]))
        return True

    async def rung(self, shops: int) -> ShopRung:
        """Measure with so many shops in it."""
        self._settle()
        sizes = self._sizes()
        await self.ask(shops, WARMING)
        asked_s, spent_s, errors = await self.ask(shops, ASKED)
        added_s = []
        for _ in range(ADDED):
            begun = time.perf_counter()
            await self._add(self._random.randint(1, shops), 1)
            added_s.append(time.perf_counter() - begun)
        learned_s = [await self._learn(self._random.randint(1, shops)) for _ in range(LEARNED)]
        return ShopRung(
            shops=shops,
            passages=shops * PASSAGES,
            search=summary(asked_s),
            search_cpu_ms=round(spent_s / ASKED * 1000, 3),
            add=summary(added_s),
            learn=summary(learned_s),
            deploy=await asyncio.to_thread(deploys_beside, self._server),
            errors=errors,
            at=moment(),
            **sizes,
        )

    async def _learn(self, shop_id: int) -> float:
        """Seconds of one batch of `edge learn`, embedded already: what `Library.store` does in the database."""
        names = [("growth", str(uuid7())) for _ in range(BATCH_DOCUMENTS)]
        passages = self._made(BATCH_DOCUMENTS)
        documents = [Stored(uuid7(), *name, HASH, [one]) for name, one in zip(names, passages, strict=True)]
        begun = time.perf_counter()
        async with self._database.shop(shop_id, bulk=True) as conn:
            await swap_documents(conn, shop_id, DIGEST, documents)
        took_s = time.perf_counter() - begun
        await drop_documents(self._database, shop_id, names)
        return took_s

    async def _add(self, shop_id: int, count: int) -> None:
        items = self._made(count)
        async with self._database.shop(shop_id, bulk=True) as conn:
            await insert_passages(conn, shop_id, DIGEST, items)

    def _made(self, count: int) -> list[tuple[Passage, list[HalfVector]]]:
        return [
            (Passage(uuid7(), passage.content), vectors) for passage, vectors in self._random.sample(self._pool, count)
        ]

    async def ask(self, shops: int, count: int) -> tuple[list[float], float, int]:
        """Seconds of each search, of any shop; what all cost the server in processor time; how many had no answer."""
        reader = ShopReader(self._database)
        questions = self._world.questions(count)
        assert self._server.process is not None
        taken, errors = [], 0
        meter = processes.Meter(processes.family(self._server.process.pid))
        for query, embedding in questions:
            try:
                state = await reader.read(self._random.randint(1, shops))
                begun = time.perf_counter()
                await search(self._database, state, query=query, limit=LIMIT, model=self._model, embedding=embedding)
            except DatabaseUnavailable:
                errors += 1
            else:
                taken.append(time.perf_counter() - begun)
        return taken, meter.spent_s(), errors

    def _settle(self) -> None:
        with psycopg.connect(self._server.dsn("postgres"), autocommit=True) as conn:
            conn.execute("vacuum analyze")
            conn.execute("checkpoint")

    def _sizes(self) -> dict[str, int]:
        columns = ", ".join(f"pg_total_relation_size('{name}')" for name in RELATIONS)
        with psycopg.connect(self._server.dsn("postgres")) as conn:
            row = conn.execute(SIZES.format(columns).encode()).fetchone()
        assert row is not None
        return dict(zip(("database_bytes", *(f"{name}_bytes" for name in RELATIONS)), row, strict=True))


async def grow_shops(server: EmbeddedPostgres, rungs: Sequence[int], seconds: float, log: Path) -> bool:
    """Go on to the last of the rungs; False when the time was over first."""
    until = time.monotonic() + seconds
    settings = Settings(database_url=server.owner_dsn, database_app_url=server.app_dsn, database_timeout_s=60)
    database = await Database.open(settings)
    try:
        model = await register_model(database, digest=DIGEST, name=DIGEST, dimensions=DIMENSIONS)
        growth = Growth(database, server, model)
        measured = {rung.shops for rung in page.rungs(log, ShopRung)}
        for shops in rungs:
            if not await growth.grow(shops, until):
                echo(f"{count_shops(server.owner_dsn)} shops so far")
                return False
            if shops not in measured:
                page.append(log, await growth.rung(shops))
                echo(f"measured with {shops} shops")
        return True
    finally:
        await database.close()


async def search_cold(server: EmbeddedPostgres, log: Path) -> None:
    """Ask shops of which nothing is in memory, each once."""
    settings = Settings(database_url=server.owner_dsn, database_app_url=server.app_dsn, database_timeout_s=60)
    database = await Database.open(settings)
    try:
        model = await register_model(database, digest=DIGEST, name=DIGEST, dimensions=DIMENSIONS)
        assert server.process is not None
        shops = count_shops(server.owner_dsn)
        growth = Growth(database, server, model)
        await growth.ask(1, WARMING)
        family = processes.family(server.process.pid)
        before = processes.read_bytes(family)
        asked = min(ASKED, shops)
        taken, _, errors = await growth.ask(shops, asked)
        read_kib = round((processes.read_bytes(family) - before) / asked / 1024, 1)
        rung = ColdRung(shops=shops, search=summary(taken), read_kib=read_kib, errors=errors, at=moment())
        page.append(log, rung)
    finally:
        await database.close()


def forget_pages(data: Path) -> None:
    """Drop what the kernel keeps in memory of these files, which nobody has open."""
    for path in data.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fdatasync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
