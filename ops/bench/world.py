"""Random shops whose searches cost what those of real ones do: clustered vectors, Zipf-distributed words and sizes."""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np
from pgvector import HalfVector
from uuid_utils.compat import uuid7

from core.db.migrate import migrate
from core.db.passages import Passage, insert_passages
from core.db.pool import Database
from ops.stack.postgres import EmbeddedPostgres

DIMENSIONS = 384
VECTORS = 3  # of a passage: the whole and two chunks
WORDS = 30_000
BATCH = 500
DIGEST = "bench"


def word(rank: int) -> str:
    """A word of letters, the same for the same rank."""
    number = int.from_bytes(hashlib.blake2b(str(rank).encode(), digest_size=5).digest())
    return "".join(chr(ord("a") + number // 26**place % 26) for place in range(8))


class World:
    """Random passages and questions that resemble them."""

    def __init__(self, vectors: int = VECTORS) -> None:
        self.random = np.random.default_rng(1)
        self.centres = self.random.normal(size=(2000, DIMENSIONS)).astype(np.float32)
        self._vectors = vectors

    def vectors(self, count: int) -> list[HalfVector]:
        near = self.centres[self.random.integers(0, len(self.centres), count)]
        made = near + self.random.standard_normal(near.shape, dtype=np.float32) * 0.6
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        return [HalfVector(row) for row in made.astype(np.float16)]

    def text(self, words: int) -> str:
        # The commonest hundred stand for stop words, which are not indexed.
        ranks = np.minimum(self.random.zipf(1.1, words) + 100, WORDS)
        return " ".join(word(int(rank)) for rank in ranks)

    def questions(self, count: int) -> list[tuple[str, HalfVector]]:
        """Eight words each, and one that no shop knows: it is looked for among all of the shop's words."""
        return [(f"{self.text(8)} unheardof", vector) for vector in self.vectors(count)]

    def passages(self, count: int) -> list[tuple[Passage, list[HalfVector]]]:
        made = self.vectors(count * self._vectors)
        return [
            (Passage(uuid7(), self.text(40)), made[number * self._vectors : (number + 1) * self._vectors])
            for number in range(count)
        ]


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
            await insert_passages(conn, shop_id, DIGEST, items)
        took += perf_counter() - begun
    return took


def zipf_sizes(passages: int, shops: int) -> list[int]:
    """Sizes of so many shops, the largest first, of ten passages at least."""
    weights = [1 / rank for rank in range(1, shops + 1)]
    return [max(10, round(passages * weight / sum(weights))) for weight in weights]


@contextmanager
def kept_database(folder: Path) -> Iterator[EmbeddedPostgres]:
    """The migrated database of a folder, made when there is none; it stays there."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)  # the server drops root's rights and must get in
    server = EmbeddedPostgres(folder / "home", folder / "pg")
    try:
        server.prepare()
        server.start()
        server.wait_ready()
        migrate(server.owner_dsn)
        yield server
    finally:
        server.stop()


@contextmanager
def scratch_database() -> Iterator[tuple[EmbeddedPostgres, Path]]:
    """A migrated server in a temporary folder, which is handed over too; both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-", dir="/tmp") as name:
        folder = Path(name)
        with kept_database(folder) as server:
            yield server, folder
