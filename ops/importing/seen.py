"""Which documents an import has met: a hash of each name, on disk where there are more than a million."""

import sqlite3
from hashlib import blake2b

import msgspec

from ops.importing.patience import GaveUpError

CACHE_KIB = 32_768  # at most in memory; what is more lies in a file without a name that ends with the process


class Seen:
    """Names of documents, each once: two of one name would undo each other. A million of them take some 30 MB."""

    def __init__(self) -> None:
        # "" is a database of one's own on disk (sqlite.org/inmemorydb.html, "Temporary Databases").
        self._notes = sqlite3.connect("", isolation_level=None)
        self._notes.execute(f"pragma cache_size = -{CACHE_KIB}")
        self._notes.execute("pragma journal_mode = off")
        self._notes.execute("create table seen (name blob primary key) without rowid")
        self._notes.execute("begin")
        self._shops: set[int] = set()

    @property
    def shops(self) -> list[int]:
        """For which anything was found."""
        return sorted(self._shops)

    def add(self, shop_id: int, file: str, key: str) -> bool:
        """Note a document; False when it was noted before."""
        self._shops.add(shop_id)
        try:
            found = self._notes.execute("insert or ignore into seen values (?)", [_hash(shop_id, file, key)])
        except sqlite3.Error as error:
            raise GaveUpError(f"which documents were met cannot be noted: {error}") from error
        return found.rowcount > 0

    def has(self, shop_id: int, file: str, key: str) -> bool:
        """Whether the document was noted."""
        found = self._notes.execute("select 1 from seen where name = ?", [_hash(shop_id, file, key)])
        return found.fetchone() is not None

    def close(self) -> None:
        """Forget them all."""
        self._notes.close()


def _hash(shop_id: int, file: str, key: str) -> bytes:
    return blake2b(msgspec.msgpack.encode((shop_id, file, key)), digest_size=16).digest()
