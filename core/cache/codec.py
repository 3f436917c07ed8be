"""How rows lie in the cache's file: msgpack by msgspec, sealed by a digest, and never a pickle."""

import sqlite3
from hashlib import blake2b
from typing import Any, Self

import msgspec
from diskcache import UNKNOWN, Disk

MODE_RAW = 1  # diskcache's number for "the value is the column itself"


class Sealed(msgspec.Struct, frozen=True, array_like=True):
    """A value with the digest of its key and itself, so that a damaged row reads as a miss."""

    digest: bytes
    value: bytes

    @classmethod
    def of(cls, key: bytes, value: bytes) -> Self:
        """Seal `value` as the row of `key`."""
        return cls(_digest(key, value), value)

    def opens(self, key: bytes) -> bool:
        """Tell whether this is what was once sealed for `key`."""
        return self.digest == _digest(key, self.value)


def _digest(key: bytes, value: bytes) -> bytes:
    return blake2b(value, digest_size=8, key=key[:64]).digest()


class MsgspecDisk(Disk):  # type: ignore[misc]
    """diskcache's serialiser without pickle (CVE-2025-69872) and without files beside the database.

    A row that this class did not write, a pickle above all, is answered as if it were not there.
    """

    def put(self, key: Any) -> tuple[memoryview, bool]:
        if type(key) is not bytes:
            raise TypeError(f"a key is bytes, not {type(key).__name__}")
        return sqlite3.Binary(key), True

    def get(self, key: Any, raw: Any) -> bytes:
        if not raw or not isinstance(key, bytes):
            raise ValueError("a key that this cache did not write")
        return key

    def store(self, value: Any, read: Any, key: Any = UNKNOWN) -> tuple[int, int, None, memoryview]:
        del key
        if read or type(value) is not Sealed:
            raise TypeError(f"a value is Sealed, not {type(value).__name__}")
        return 0, MODE_RAW, None, sqlite3.Binary(msgspec.msgpack.encode(value))

    def fetch(self, mode: Any, filename: Any, value: Any, read: Any) -> Sealed | None:
        if mode != MODE_RAW or filename is not None or read or not isinstance(value, bytes):
            return None
        try:
            return _decoder.decode(value)
        except msgspec.MsgspecError:
            return None

    def remove(self, file_path: Any) -> None:
        """Nothing: no row of ours has a file, and the name in a foreign row may point anywhere."""


_decoder = msgspec.msgpack.Decoder(Sealed)
