"""Writes behind their callers' backs: kept here at once, on the shared disk together a moment later."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

MOST_UNWRITTEN = 4096
# A transaction costs a third of a millisecond of a core whatever is in it: what comes close together shares one.
GATHER_S = 0.05


class ByteStore(Protocol):
    """What `core.cache.disk.DiskCache` offers: a fault of the disk is a miss, never an error."""

    def get(self, key: bytes) -> bytes | None: ...

    async def put_all(self, items: Mapping[bytes, bytes]) -> None: ...


class WriteBehind:
    """A store that is read inline and written behind. Without a store nothing is kept."""

    def __init__(self, store: ByteStore | None) -> None:
        self._store = store
        self._unwritten: dict[bytes, bytes] = {}
        self._writer: asyncio.Task[None] | None = None

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        if self._store is None:
            return None
        return self._unwritten.get(key) or self._store.get(key)

    def put(self, items: Mapping[bytes, bytes]) -> None:
        """Keep values: visible here at once, to other processes once they are written. In a flood none is kept."""
        if self._store is None or len(self._unwritten) >= MOST_UNWRITTEN:
            return
        self._unwritten.update(items)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(self._store))

    async def flush(self) -> None:
        """Wait until everything is written."""
        while self._writer is not None and not self._writer.done():
            await asyncio.wait([self._writer])

    async def _write(self, store: ByteStore) -> None:
        while self._unwritten:
            await asyncio.sleep(GATHER_S)
            items = dict(self._unwritten)
            try:
                await store.put_all(items)
            finally:
                for key, value in items.items():
                    if self._unwritten.get(key) is value:
                        del self._unwritten[key]
