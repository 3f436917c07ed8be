"""The persistent cache of vectors: what was embedded once, by any process, is not embedded again."""

import asyncio
import struct
from typing import Protocol

from pgvector import HalfVector

MOST_UNWRITTEN = 4096


class ByteStore(Protocol):
    """What `core.cache.disk.DiskCache` offers: a fault of the disk is a miss, never an error."""

    def get(self, key: bytes) -> bytes | None: ...

    async def put(self, key: bytes, value: bytes) -> None: ...


class VectorCache:
    """Vectors by key (`core.models.text.vector_key`), as pgvector's binary halfvec. Reads inline, writes behind."""

    def __init__(self, store: ByteStore | None) -> None:
        self._store = store
        self._unwritten: dict[bytes, HalfVector] = {}
        self._writer: asyncio.Task[None] | None = None
        self.hits = 0
        self.misses = 0

    def get(self, key: bytes, dimensions: int) -> HalfVector | None:
        """The vector, or None when it is not there or is not of `dimensions`."""
        vector = self._unwritten.get(key) or self._read(key)
        if vector is None or vector.dimensions() != dimensions:
            self.misses += 1
            return None
        self.hits += 1
        return vector

    def remember(self, key: bytes, vector: HalfVector) -> None:
        """Keep the vector: visible here at once, to other processes as soon as it is written."""
        if self._store is None or len(self._unwritten) >= MOST_UNWRITTEN:
            return
        self._unwritten[key] = vector
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(self._store))

    async def flush(self) -> None:
        """Wait until everything is written."""
        while self._writer is not None and not self._writer.done():
            await asyncio.wait([self._writer])

    def _read(self, key: bytes) -> HalfVector | None:
        value = None if self._store is None else self._store.get(key)
        if value is None:
            return None
        try:
            return HalfVector.from_binary(value)
        except (ValueError, struct.error):
            return None

    async def _write(self, store: ByteStore) -> None:
        while self._unwritten:
            key, vector = next(iter(self._unwritten.items()))
            try:
                await store.put(key, vector.to_binary())
            finally:
                self._unwritten.pop(key, None)
