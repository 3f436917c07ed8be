"""The cache that processes share: diskcache, in which every kind of damage is only a miss."""

import asyncio
import sqlite3
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from diskcache import Cache

from core.cache.codec import Sealed
from core.cache.generation import DAMAGE, TRANSIENT, Generation, open_newest, result_code

OPEN_WAIT_S = 2.0
MEND_INTERVAL_S = 1.0
PENDING_LIMIT = 256
BATCH = 16  # values: a commit excludes readers for as long as it writes pages
PUT_WAIT_S = 1.0
READ_ATTEMPTS = 16


class DiskCache:
    """Bytes by bytes, shared by processes, bounded to about `size_limit_bytes`, oldest out first.

    `get` runs where it is called (tens of microseconds) and never waits for a lock; `put` runs in a thread of
    its own. Neither raises for the state of the file: what is corrupt, gone, read-only, locked or full counts
    as a miss, and a file that cannot be read any more is replaced. `hits`, `misses` and `errors` count.
    """

    def __init__(self, folder: Path, size_limit_bytes: int, name: str) -> None:
        self.name = name
        self.hits = self.misses = self.errors = 0
        self._root = folder / name
        self._size_limit_bytes = size_limit_bytes
        self._value_limit_bytes = size_limit_bytes // 16
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"cache-{name}")
        self._now: Generation | None = None
        self._retired: list[Cache] = []
        self._pending = 0
        self._closed = False
        self._mending: Future[None] | None = None
        self._mend_after = 0.0
        try:
            self._thread.submit(self._mend).result(OPEN_WAIT_S)
        except TimeoutError:
            self.errors += 1  # a stuck disk must not stop a function from starting

    @property
    def available(self) -> bool:
        """Tell whether there is a file to use; without one every `get` is a miss."""
        return self._now is not None

    def get(self, key: bytes) -> bytes | None:
        """Return the value last put under `key` by any process, or None. Call it from one thread only."""
        value = None if self._closed else self._read(key)
        if value is None:
            self.misses += 1
        else:
            self.hits += 1
        return value

    async def put(self, key: bytes, value: bytes) -> None:
        """Store one value; see `put_all`."""
        await self.put_all({key: value})

    async def put_all(self, items: Mapping[bytes, bytes]) -> None:
        """Store values, BATCH in a transaction, and wait for them, a second at most.

        A value over a 16th of the size limit is dropped, as are those that find PENDING_LIMIT others in line.
        """
        if self._closed:
            return
        fitting = [(key, value) for key, value in items.items() if len(value) <= self._value_limit_bytes]
        fitting = fitting[: max(0, PENDING_LIMIT - self._pending)]
        loop = asyncio.get_running_loop()
        written = set()
        for start in range(0, len(fitting), BATCH):
            batch = fitting[start : start + BATCH]
            self._pending += len(batch)
            write = loop.run_in_executor(self._thread, self._write, batch)
            write.add_done_callback(partial(self._written, len(batch)))
            written.add(write)
        if written:
            await asyncio.wait(written, timeout=PUT_WAIT_S)

    def close(self) -> None:
        """Close the file after the writes under way; later gets are misses."""
        if self._closed:
            return
        self._closed = True
        self._thread.submit(self._close_writer)
        self._thread.shutdown(wait=True)
        if self._now is not None:
            self._retired.append(self._now.reader)
            self._now = None
        self._close_retired()

    def _written(self, count: int, _: asyncio.Future[None]) -> None:
        self._pending -= count

    def _read(self, key: bytes) -> bytes | None:
        if self._retired:
            self._close_retired()
        if (now := self._now) is None:
            self._mend_soon(None)
            return None
        for _ in range(READ_ATTEMPTS):  # a writer excludes readers for some 50 µs: ask again at once
            try:
                sealed = now.reader.get(key)
            except DAMAGE as error:
                code = result_code(error)
                if code == sqlite3.SQLITE_BUSY:
                    continue
                self.errors += 1
                self._mend_soon(None if code in TRANSIENT else now.folder)
                return None
            return self._unseal(now, key, sealed)
        return None

    def _unseal(self, now: Generation, key: bytes, sealed: Sealed | None) -> bytes | None:
        if sealed is None:
            if now.moved():
                self._mend_soon(None)
            return None
        if not sealed.opens(key):
            self.errors += 1
            return None
        return sealed.value

    def _write(self, batch: Sequence[tuple[bytes, bytes]]) -> None:
        if self._now is None or self._now.moved():
            self._mend()
        if (now := self._now) is None:
            return
        try:
            with now.writer.transact():
                for key, value in batch:
                    now.writer.set(key, Sealed.of(key, value))
        except DAMAGE as error:
            self.errors += 1
            self._after_failed_write(now, result_code(error))

    def _after_failed_write(self, now: Generation, code: int) -> None:
        try:
            # diskcache leaves a transaction open when COMMIT fails; it would lock out everybody.
            now.writer.close()
            if code == sqlite3.SQLITE_FULL:
                now.writer.cull()
        except DAMAGE:
            now.writer.close()
        # An I/O error while writing is most often a limit or a full disk: what is stored is still good.
        if code not in TRANSIENT and code != sqlite3.SQLITE_IOERR:
            self._mend(broken=now.folder)

    def _mend_soon(self, broken: Path | None) -> None:
        if self._mending is None or self._mending.done():
            self._mending = self._thread.submit(self._mend, broken)

    def _mend(self, broken: Path | None = None) -> None:
        """Open the newest generation, or a fresh one when the newest is `broken`. Runs in the thread."""
        if time.monotonic() < self._mend_after:
            return
        self._close_writer()
        try:
            fresh = open_newest(self._root, self._size_limit_bytes, but=broken)
        except DAMAGE:
            self.errors += 1
            self._retire(None)
            self._mend_after = time.monotonic() + MEND_INTERVAL_S
        else:
            self._retire(fresh)
            if broken is not None:  # a disk that damages every file must not keep us busy
                self._mend_after = time.monotonic() + MEND_INTERVAL_S

    def _retire(self, fresh: Generation | None) -> None:
        before, self._now = self._now, fresh
        if before is not None:
            self._retired.append(before.reader)

    def _close_writer(self) -> None:
        if self._now is not None:
            self._now.writer.close()

    def _close_retired(self) -> None:
        # SQLite's connections are closed by the thread that opened them: the one that calls `get`.
        while self._retired:
            self._retired.pop().close()
