"""A collection as shops: each tenant one, each document one passage with the vectors that a learned one would have."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from uuid import UUID, uuid5

import msgspec
from pgvector import HalfVector

from core.db import migrate
from core.db.names import MOST_NAMES
from core.db.passages import Passage, insert_passages
from core.db.pool import Database
from core.knowledge import chunk
from core.knowledge.chunk import pieces
from core.knowledge.spaces import Spaces, space_name
from core.models.gateway import Embedder
from core.models.identity import ModelIdentity
from ops.evaluation.folder import Document
from ops.evaluation.pace import each, patiently

# Any would do: the same documents get the same ids, so that equal scores are ordered alike in every run.
NAMESPACE = UUID("5f0f1c52-4c0e-4d8e-9b8e-0d6d7b3a5a11")
BATCH = 64
LOADERS = 2  # while one stores, the other embeds
Step = Callable[[int], None]


class Shops(msgspec.Struct, frozen=True):
    """Which shop a tenant is, what it is called, whose documents it has, and which document a passage is."""

    by_tenant: dict[str | None, int]
    names: dict[int, list[str]]
    documents: dict[str | None, list[Document]]
    document_of: dict[UUID, str]

    def tenant_of(self, query_id: str, tenant: str | None) -> str | None:
        """The tenant that a query is asked of; without one of its own, one drawn by its id, the same in each run."""
        if tenant is not None or None in self.by_tenant:
            return tenant
        tenants = list(self.by_tenant)
        return tenants[int.from_bytes(hashlib.blake2b(query_id.encode(), digest_size=8).digest()) % len(tenants)]


def shops_of(documents: Sequence[Document]) -> Shops:
    """Number the tenants as they first come."""
    by_tenant: dict[str | None, list[Document]] = {}
    for document in documents:
        by_tenant.setdefault(document.tenant, []).append(document)
    numbers = {tenant: number for number, tenant in enumerate(by_tenant, 1)}
    names: dict[int, dict[str, None]] = {}
    for document in documents:
        if document.called:
            names.setdefault(numbers[document.tenant], {})[document.called] = None
    called = {shop_id: list(found)[:MOST_NAMES] for shop_id, found in names.items()}
    return Shops(numbers, called, by_tenant, {uuid5(NAMESPACE, document.id): document.id for document in documents})


def key_of(documents: Sequence[Document], model: ModelIdentity) -> str:
    """Name what would be loaded: documents, model, and the code that cuts and stores them."""
    name = hashlib.blake2b(digest_size=10)
    name.update(space_name(model).encode())
    for migration in migrate.read_migrations():
        name.update(migration.checksum.encode())
    name.update(Path(chunk.__file__).read_bytes())
    for document in documents:
        name.update(msgspec.msgpack.encode((document.id, document.content, document.tenant, document.called)))
    return name.hexdigest()


async def load(database: Database, embedder: Embedder, shops: Shops, step: Step) -> None:
    """Embed and store every document; `step` is told how many more are in.

    Raises ModelUnavailable, ModelOverloaded and DatabaseUnavailable; what was embedded is in the cache of vectors.
    """
    model = await embedder.identity()
    space = await Spaces(database).of(model)

    async def store(of_tenant: tuple[str | None, Sequence[Document]]) -> None:
        tenant, batch = of_tenant
        items = await patiently(partial(_embedded, embedder, model, batch))
        shop_id = shops.by_tenant[tenant]
        async with database.shop(shop_id, bulk=True) as conn:
            await insert_passages(conn, shop_id, space.digest, items)
        step(len(batch))

    await each(_batches(shops.documents), store, LOADERS)


async def _embedded(
    embedder: Embedder, model: ModelIdentity, batch: Sequence[Document]
) -> list[tuple[Passage, list[HalfVector]]]:
    texts = [pieces(document.content) for document in batch]
    vectors = iter(await embedder.embed_documents([text for group in texts for text in group], model))
    return [(_passage(document), [next(vectors) for _ in group]) for document, group in zip(batch, texts, strict=True)]


def _passage(document: Document) -> Passage:
    return Passage(uuid5(NAMESPACE, document.id), document.content)


def _batches(documents: Mapping[str | None, Sequence[Document]]) -> Iterator[tuple[str | None, Sequence[Document]]]:
    for tenant, group in documents.items():
        for start in range(0, len(group), BATCH):
            yield tenant, group[start : start + BATCH]
