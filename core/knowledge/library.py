"""Documents -> passages: what an import writes, what it need not write again, and how many are written at once."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
    passages_of,
    swap_documents,
)
from core.db.passages import Passage
from core.db.pool import Database
from core.knowledge.document import NewDocument, NewPassage
from core.knowledge.embedding import Embedding, Vectors, require_unchanged
from core.knowledge.passage import identified
from core.models.gateway import Embedder

NAMES_AT_ONCE = 1000


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
        exports = [one.name for one in documents if one.is_export and one.file and _is_known(one, known)]
        there = await passages_of(self._database, shop_id, exports) if exports else {}
        return [
            document
            for document in documents
            if not _stands(document, known, there.get(document.name, {}) if document.file else loose)
        ]

    async def hash_of(self, shop_id: int, file: str) -> bytes | None:
        """The hash of the document that is a whole file; None when it must be read."""
        return (await known_hashes(self._database, shop_id, [(file, "")])).get((file, ""))

    async def probe(self, shop_id: int) -> None:
        """Return when the database answers and the shop's model works for others. Raises ModelUnavailable."""
        await self._embedding.probe(shop_id)

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
                [(identified(passage, passage.id or uuid7()), next(of_passages)) for passage in document.passages],
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
        self,
        shop_id: int,
        files: Sequence[str],
        after: tuple[str, str],
        is_kept: Callable[[str, str], bool],
        spared: set[str],
    ) -> tuple[int, tuple[str, str] | None]:
        """Forget some of what came from these files and folders, except what is kept and files or folders `spared`.

        Goes on after a document; returns how many were forgotten and the last one looked at, None when there is none.
        """
        names = await names_below(self._database, shop_id, files, after, NAMES_AT_ONCE)
        gone = [name for name in names if not is_kept(*name) and spared.isdisjoint(_with_folders(name[0]))]
        await drop_documents(self._database, shop_id, gone)
        return len(gone), names[-1] if names else None


def _with_folders(file: str) -> Iterator[str]:
    """The file, and every folder that it lies in."""
    while file:
        yield file
        file = file.rpartition("/")[0]
    yield "/"


def _is_known(document: NewDocument, known: dict[tuple[str, str], bytes | None]) -> bool:
    return document.name in known and known[document.name] == document.hash


def _stands(document: NewDocument, known: dict[tuple[str, str], bytes | None], there: Mapping[UUID, Passage]) -> bool:
    """Whether it need not be written. `there` are the passages to compare it with: what was exported is brought back
    as it was, whatever was done to it since, while a file stands as long as nobody changed the file.
    """
    if document.file and not document.is_export:
        return document.hash is not None and _is_known(document, known)
    if document.file and not (_is_known(document, known) and len(there) == len(document.passages)):
        return False
    return all(
        passage.id is not None and (found := there.get(passage.id)) is not None and _is_same(found, passage)
        for passage in document.passages
    )


def _is_same(found: Passage, given: NewPassage) -> bool:
    return (
        (found.content, found.category, found.source, found.metadata)
        == (given.content, given.category or None, given.source or None, given.metadata)
        and given.created_at in {None, found.created_at}
        and given.updated_at in {None, found.updated_at}
    )
