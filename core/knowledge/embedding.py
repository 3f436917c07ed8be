"""The vectors of passages: of each the whole and its chunks, all of the model that the shop uses."""

import asyncio
from collections.abc import Sequence

import msgspec
from pgvector import HalfVector

from core.db.connection import Connection
from core.db.models import ModelRow, chosen_model
from core.db.pool import Database
from core.db.shops import ShopReader, model_of
from core.errors import ModelChanged, ModelReplaced, ModelUnavailable
from core.knowledge.chunk import pieces
from core.knowledge.reach import reach
from core.knowledge.spaces import Spaces
from core.models.gateway import Embedder
from core.models.identity import ModelIdentity


class Vectors(msgspec.Struct, frozen=True):
    """Of each passage its vectors, the whole passage first; the space that they lie in, and the one the shop used."""

    space: str
    of_passages: list[list[HalfVector]]
    shop_space: str


class Embedding:
    """Embeds what is to be written. Every method may raise DatabaseUnavailable, ModelUnavailable, ModelOverloaded."""

    def __init__(self, database: Database, embedder: Embedder) -> None:
        self._database = database
        self._embedder = embedder
        self._shops = ShopReader(database)
        self._spaces = Spaces(database)

    async def of_passages(self, shop_id: int, contents: Sequence[str]) -> Vectors:
        """The vectors of passages that are to be written into a shop."""
        used = (await self._shops.read(shop_id)).model
        embedder = await self._gateway(used)
        model = await embedder.identity()
        space = (await self._spaces.of(model, embedder.url)).digest
        vectors = await embed_passages(embedder, model, contents)
        return Vectors(space, vectors, space if used is None else used.digest)

    async def probe(self, shop_id: int) -> None:
        """Have the model that passages of a shop are embedded with make a vector now."""
        used = (await self._shops.read(shop_id)).model
        await (await self._gateway(used)).probe()

    async def _gateway(self, used: ModelRow | None) -> Embedder:
        """Where the shop's model is gone for good, the one that it will be moved to makes the vectors."""
        try:
            if used is not None:
                return (await reach(self._embedder, used)).embedder
            if (chosen := await chosen_model(self._database)) is not None:
                return (await reach(self._embedder, chosen)).embedder
        except ModelReplaced:
            pass
        except ModelUnavailable:
            if used is not None:
                raise
        return self._embedder


async def embed_passages(embedder: Embedder, model: ModelIdentity, contents: Sequence[str]) -> list[list[HalfVector]]:
    """Of each passage the vectors, all of this model. Raises what Embedder.embed_documents raises."""
    # A batch of 8 MiB takes a second to cut: the loop serves others meanwhile.
    texts = await asyncio.to_thread(_texts, contents)
    vectors = iter(await embedder.embed_documents([text for group in texts for text in group], model))
    return [[next(vectors) for _ in group] for group in texts]


async def require_unchanged(conn: Connection, shop_id: int, vectors: Vectors) -> None:
    """To be called in the transaction that wrote the vectors: raises ModelChanged when the shop was switched before."""
    if await model_of(conn, shop_id) != vectors.shop_space:
        raise ModelChanged("the shop's model was changed while its texts were embedded")


def _texts(contents: Sequence[str]) -> list[list[str]]:
    return [pieces(content) for content in contents]
