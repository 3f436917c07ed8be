"""The persistent cache of vectors: what was embedded once, by any process, is not embedded again."""

import struct

from pgvector import HalfVector

from core.cache.behind import ByteStore, WriteBehind


class VectorCache:
    """Vectors by key (`core.models.text.vector_key`), as pgvector's binary halfvec. Reads inline, writes behind."""

    def __init__(self, store: ByteStore | None) -> None:
        self._kept = WriteBehind(store)
        self.hits = 0
        self.misses = 0

    def get(self, key: bytes, dimensions: int) -> HalfVector | None:
        """The vector, or None when it is not there or is not of `dimensions`."""
        vector = self._read(key)
        if vector is None or vector.dimensions() != dimensions:
            self.misses += 1
            return None
        self.hits += 1
        return vector

    def __contains__(self, key: bytes) -> bool:
        """Whether there is something under a key; no look-up of a vector, and not counted as one."""
        return self._kept.get(key) is not None

    def remember(self, key: bytes, vector: HalfVector) -> None:
        """Keep the vector: visible here at once, to other processes as soon as it is written."""
        self._kept.put({key: vector.to_binary()})

    async def flush(self) -> None:
        """Wait until everything is written."""
        await self._kept.flush()

    def _read(self, key: bytes) -> HalfVector | None:
        value = self._kept.get(key)
        if value is None:
            return None
        try:
            return HalfVector.from_binary(value)
        except (ValueError, struct.error):
            return None
