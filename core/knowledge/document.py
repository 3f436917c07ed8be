"""A document as an import has it, before it knows of any database: passages, a name, a hash."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

# Part of every hash: raised when documents are to be cut into other passages than before, so that they are read anew.
RECIPE = b"edge documents 1\n"


class NewPassage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A passage of a document; with id and times where it was exported before and is to be as it was."""

    content: str
    category: str | None = None
    source: str | None = None
    metadata: dict[str, Any] = {}
    id: UUID | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class NewDocument(msgspec.Struct, frozen=True):
    """What one unit of an import says.

    `file` and `key` are its name within the shop; without a file it is passages that belong to no document, by their
    ids. `hash` is of all that the passages were made of; None when nobody can say.
    """

    file: str | None
    key: str
    hash: bytes | None
    passages: tuple[NewPassage, ...]

    @property
    def name(self) -> tuple[str, str]:
        """Its name within the shop."""
        return self.file or "", self.key

    @property
    def is_export(self) -> bool:
        """Whether it was exported: its hash says what it was made of, its passages what became of them."""
        return any(passage.id is not None for passage in self.passages)


def hash_of_passages(passages: Sequence[NewPassage]) -> bytes:
    """The hash of a document that is nothing but these passages: 32 bytes."""
    return sha256(RECIPE + msgspec.msgpack.encode(passages, order="deterministic")).digest()


def titled(title: str | None, text: str) -> str:
    """A passage's content: the title in front, unless the text begins with it."""
    if not title or text.casefold().startswith(title.casefold()):
        return text
    return f"{title}\n{text}" if text else title
