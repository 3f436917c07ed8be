"""Disk caches over a test's folder, and what tests do with them."""

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.cache.disk import DiskCache

MIB = 1 << 20


@contextmanager
def opening(folder: Path) -> Iterator[Callable[..., DiskCache]]:
    """Open any number of caches over one folder, each as a process of its own would; closed at the end."""
    caches = []

    def open_cache(folder: Path = folder / "cache", size_limit_bytes: int = 16 * MIB) -> DiskCache:
        caches.append(DiskCache(folder, size_limit_bytes, "answers"))
        return caches[-1]

    yield open_cache
    for cache in caches:
        cache.close()


def database_file(tmp_path) -> Path:
    (found,) = (tmp_path / "cache" / "answers").glob("*/cache.db")
    return found


async def healed(cache: DiskCache) -> None:
    """Wait until a value that is put can be got; pytest's timeout is the limit."""
    while True:
        await cache.put(b"after", b"works")
        if cache.get(b"after") == b"works":
            return
        await asyncio.sleep(0.02)


async def found(cache: DiskCache, key: bytes, value: bytes) -> None:
    """Wait until another cache's write is seen."""
    while cache.get(key) != value:  # noqa: ASYNC110 - the other process has no event to set
        await asyncio.sleep(0.02)


def run_python(code: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
