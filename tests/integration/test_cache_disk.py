"""The disk cache on real files: shared, bounded, and without pickles."""

import asyncio
import os
import pickle
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from core.cache.codec import MsgspecDisk, Sealed
from tests.parts.cache import MIB, database_file, healed, opening, run_python


@pytest.fixture
def opened(tmp_path):
    with opening(tmp_path) as open_cache:
        yield open_cache


async def test_a_value_is_found_by_every_process_and_after_a_restart(opened):
    first, second = opened(), opened()
    await first.put(b"key", b"value")
    assert second.get(b"key") == b"value"
    first.close()
    assert first.get(b"key") is None
    assert opened().get(b"key") == b"value"
    assert (second.hits, second.misses, second.errors) == (1, 0, 0)


async def test_the_folder_is_for_its_owner_only_also_when_it_was_wider(opened, tmp_path):
    (tmp_path / "cache" / "answers").mkdir(parents=True, mode=0o755)
    opened()
    folder = tmp_path / "cache" / "answers"
    assert {entry.stat().st_mode & 0o777 for entry in (folder, *folder.iterdir()) if entry.is_dir()} == {0o700}


class Planted:
    """Unpickling this creates the file `path`."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("mode", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("raw", [0, 1])
async def test_a_planted_pickle_is_never_loaded(opened, tmp_path, mode, raw):
    cache = opened()
    await cache.put(b"key", b"value")
    trap = tmp_path / "trap"
    file = tmp_path / "planted.val"
    file.write_bytes(pickle.dumps(Planted(trap)))
    connection = sqlite3.connect(database_file(tmp_path))
    for filename, value in ((None, pickle.dumps(Planted(trap))), (str(file), None)):
        connection.execute("update Cache set mode = ?, raw = ?, filename = ?, value = ?", (mode, raw, filename, value))
        connection.commit()
        assert cache.get(b"key") is None
        assert opened().get(b"key") is None
    connection.close()
    await cache.put(b"key", b"new")
    assert cache.get(b"key") == b"new"
    assert not trap.exists()
    assert file.exists()


def test_only_sealed_values_under_bytes_are_ever_stored(tmp_path):
    disk = MsgspecDisk(str(tmp_path))
    for value in (b"bytes", "text", 1, {"a": 1}, None):
        with pytest.raises(TypeError):
            disk.store(value, False)
    for key in ("text", 1, ("a",), None):
        with pytest.raises(TypeError):
            disk.put(key)
    with pytest.raises(ValueError, match="did not write"):
        disk.get(pickle.dumps("key"), False)
    assert disk.fetch(1, None, disk.store(Sealed.of(b"k", b"v"), False)[3].tobytes(), False).opens(b"k")


async def test_the_size_is_bounded_and_the_oldest_go_first(opened, tmp_path):
    limit = 2 * MIB
    cache = opened(size_limit_bytes=limit)
    for number in range(3000):
        await cache.put(b"%d" % number, os.urandom(4000))
    assert database_file(tmp_path).stat().st_size <= limit * 1.25
    assert cache.get(b"2999") is not None
    assert cache.get(b"0") is None
    assert cache.errors == 0


async def test_large_values_cannot_pass_the_bound(opened, tmp_path):
    limit = 2 * MIB
    cache = opened(size_limit_bytes=limit)
    for number in range(200):
        await cache.put(b"s%d" % number, os.urandom(50))
    for number in range(100):
        await cache.put(b"l%d" % number, os.urandom(limit // 16))
    assert sum(file.stat().st_size for file in (tmp_path / "cache").rglob("*") if file.is_file()) <= limit * 1.5
    await healed(cache)
    await cache.put(b"too large", os.urandom(limit // 16 + 1))
    assert cache.get(b"too large") is None


WRITER = """
    import asyncio, os, sys
    from pathlib import Path
    from core.cache.disk import DiskCache
    cache = DiskCache(Path(sys.argv[1]), 4 << 20, "answers")
    async def main():
        while not cache.available:  # others may hold the lock for as long as an opening waits for it
            await cache.put(b"", b"")
            await asyncio.sleep(0.01)
        before = cache.errors
        for number in range(int(sys.argv[2])):
            key = b"%d" % (number % 100)
            await cache.put(key, key * 500 + os.urandom(500))
            value = cache.get(key)
            assert value is None or value.startswith(key * 500), (key, value[:20])
        print(cache.hits, cache.errors - before)
    asyncio.run(main())
    cache.close()
    """


async def test_processes_that_write_at_once_never_see_a_wrong_or_half_value(tmp_path):
    reports = await asyncio.gather(*(asyncio.to_thread(run_python, WRITER, tmp_path, 400) for _ in range(3)))
    for hits, errors in (line.split() for line in reports):
        assert int(hits) > 300
        assert int(errors) == 0


async def test_a_writer_that_is_killed_leaves_a_cache_that_works(opened, tmp_path):
    cache = opened()
    for _ in range(3):
        await cache.put(b"7", b"mine")
        process = start_writer(tmp_path / "cache")
        while cache.get(b"7") == b"mine":  # noqa: ASYNC110 - until the other process has written
            await asyncio.sleep(0.002)
        process.kill()
        process.wait()
        await healed(cache)
    assert cache.errors == 0


def start_writer(folder: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(WRITER), str(folder), "1000000"])
