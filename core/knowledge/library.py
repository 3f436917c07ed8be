"""Documents -> passages: what an import writes, what it need not write again, and how many are written at once."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from core.db.documents import (
    Stored,
    count_below,
    drop_documents,
    known_hashes,
    loose_passages,
    names_below,
    swap_documents,
)
from core.db.passages import Passage
from core.db.pool import Database
from core.knowledge.document import NewDocument, NewPassage
from core.knowledge.embedding import Embedding, Vectors, require_unchanged
from core.models.gateway import Embedder


class Prepared(msgspec.Struct, frozen=True):
    """Documents with their vectors, ready to be written."""

    vectors: Vectors
    documents: list[Stored]


class Library:
    """Writes the documents of every shop. Every method may raise DatabaseUnavailable."""

    def __init__(self, database: Database, embedder: Embedder) -> None:
        self._database = database
        self._embedding = Embedding(database, embedder)

    async def changed(self, shop_id: int, documents: Sequence[NewDocument]) -> list[NewDocument]:
        """Those of the documents that the shop does not have as they are."""
        known = await known_hashes(self._database, shop_id, [document.name for document in documents if document.file])
        ids = [passage.id for document in documents if not document.file for passage in document.passages if passage.id]
        loose = await loose_passages(self._database, shop_id, ids) if ids else {}
        return [document for document in documents if not _stands(document, known, loose)]

    async def hash_of(self, shop_id: int, file: str) -> bytes | None:
        """The hash of the document that is a whole file; None when it must be read."""
        return (await known_hashes(self._database, shop_id, [(file, "")])).get((file, ""))

    async def count(self, shop_id: int, files: Sequence[str], spared: Collection[str]) -> int:
        """How many documents of the shop came from these files and folders, except files or folders `spared`."""
        return await count_below(self._database, shop_id, files, list(spared))

    async def prepare(self, shop_id: int, documents: Sequence[NewDocument]) -> Prepared:
        """Embed the documents as the shop's searches want them. Raises ModelUnavailable, ModelOverloaded."""
        contents = [passage.content for document in documents for passage in document.passages]
        vectors = await self._embedding.of_passages(shop_id, contents)
        of_passages = iter(vectors.of_passages)
        stored = [
            Stored(
                uuid7(),
                document.file,
                document.key,
                document.hash,
                [(_passage(passage), next(of_passages)) for passage in document.passages],
            )
            for document in documents
        ]
        return Prepared(vectors, stored)

    async def store(self, shop_id: int, prepared: Prepared) -> None:
        """Write the documents in one transaction, each in the place of what had its name.

        Raises ModelChanged when the shop was switched to another model since they were prepared: prepare them again.
        """
        async with self._database.shop(shop_id, bulk=True) as conn:
            await swap_documents(conn, shop_id, prepared.vectors.space, prepared.documents)
            await require_unchanged(conn, shop_id, prepared.vectors)

    async def forget_others(
        self, shop_id: int, files: Sequence[str], kept: Collection[tuple[str, str]], spared: Collection[str]
    ) -> int:
        """Forget what came from these files and folders, except documents `kept` and files or folders `spared`."""
        names = await names_below(self._database, shop_id, files)
        gone = [
            (file, key)
            for file, key in names
            if (file, key) not in kept and not any(file == one or file.startswith(f"{one}/") for one in spared)
        ]
        await drop_documents(self._database, shop_id, gone)
        return len(gone)


def _passage(new: NewPassage) -> Passage:
    return Passage(
        new.id or uuid7(), new.content, new.category, new.source, new.metadata, new.created_at, new.updated_at
    )


def _stands(document: NewDocument, known: dict[tuple[str, str], bytes | None], loose: dict[UUID, Passage]) -> bool:
    if document.file:
        return document.hash is not None and known.get(document.name) == document.hash
    return all(
        passage.id in loose
        and (found := loose[passage.id]).content == passage.content
        and (found.category, found.source, found.metadata) == (passage.category, passage.source, passage.metadata)
        for passage in document.passages
    )
