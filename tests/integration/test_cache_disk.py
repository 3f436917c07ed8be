"""The disk cache on real files: whatever happens to them is a miss, and it heals."""

import asyncio
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from core.cache.codec import MsgspecDisk, Sealed
from core.cache.disk import DiskCache

MIB = 1 << 20


@pytest.fixture
def opened(tmp_path):
    caches = []

    def open_cache(folder=tmp_path / "cache", size_limit_bytes=16 * MIB):
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


async def found(cache: DiskCache, key: bytes, value: bytes) -> None:
    """Wait until another cache's write is seen."""
    while cache.get(key) != value:  # noqa: ASYNC110 - the other process has no event to set
        await asyncio.sleep(0.02)


def overwritten(path: Path) -> None:
    path.write_bytes(os.urandom(9000))


def truncated_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def deleted(path: Path) -> None:
    path.unlink()


def deleted_with_its_folder(path: Path) -> None:
    shutil.rmtree(path.parents[2])


def without_its_tables(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("drop table Cache")
    connection.commit()
    connection.close()


def every_file_overwritten(path: Path) -> None:
    for entry in path.parents[1].rglob("*"):
        if entry.is_file():
            entry.write_bytes(os.urandom(100))


FAULTS = (
    overwritten,
    truncated_to_nothing,
    cut_in_half,
    deleted,
    deleted_with_its_folder,
    without_its_tables,
    every_file_overwritten,
)


@pytest.mark.parametrize("fault", FAULTS)
async def test_damage_to_an_open_cache_is_a_miss_and_heals(opened, tmp_path, fault):
    caches = [opened(), opened()]
    for number in range(300):
        await caches[0].put(b"%d" % number, os.urandom(2000))
    assert caches[1].get(b"0") is not None
    fault(database_file(tmp_path))
    for cache in caches:
        for number in range(300):
            cache.get(b"%d" % number)
        await healed(cache)
    await caches[0].put(b"shared", b"again")
    await found(caches[1], b"shared", b"again")


@pytest.mark.parametrize("fault", FAULTS)
async def test_damage_to_a_closed_cache_does_not_stop_a_start(opened, tmp_path, fault):
    before = opened()
    for number in range(50):
        await before.put(b"%d" % number, os.urandom(2000))
    before.close()
    fault(database_file(tmp_path))
    await healed(opened())


async def test_a_flipped_byte_in_a_row_is_a_miss_and_no_wrong_value(opened, tmp_path):
    cache = opened()
    await cache.put(b"key", b"A" * 3000)
    path = database_file(tmp_path)
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(content.index(b"A" * 3000) + 1500)
        file.write(b"B")
    other = opened()
    assert other.get(b"key") is None
    await other.put(b"key", b"new")
    assert other.get(b"key") == b"new"


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


async def test_a_folder_that_cannot_be_made_is_only_misses_until_it_can(opened, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    cache = opened()
    await cache.put(b"key", b"value")
    assert cache.get(b"key") is None
    assert not cache.available
    (tmp_path / "cache").unlink()
    await healed(cache)
    assert cache.available


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


async def test_a_cache_that_may_only_be_read_costs_a_miss(opened, tmp_path):
    cache = opened()
    await cache.put(b"key", b"value")
    cache.close()
    code = """
        import asyncio, os, sys
        from pathlib import Path
        from core.cache.disk import DiskCache
        root = Path(sys.argv[1])
        for entry in (root, *root.rglob("*")):
            entry.chmod(0o555 if entry.is_dir() else 0o444)
        os.chdir(root)
        if os.geteuid() == 0:  # root may write anywhere
            os.setegid(65534), os.seteuid(65534)
        cache = DiskCache(Path(), 16 << 20, "answers")
        for _ in range(3):
            asyncio.run(cache.put(b"new", b"value"))
            print(cache.get(b"new"), cache.get(b"key"))
        cache.close()
        """
    for line in run_python(code, tmp_path / "cache").splitlines():
        assert line in {"None None", "None b'value'"}
    for entry in (tmp_path / "cache", *(tmp_path / "cache").rglob("*")):
        entry.chmod(0o700)
    assert opened().get(b"key") == b"value"


async def test_a_full_disk_costs_the_write_and_keeps_what_is_stored(opened, tmp_path):
    cache = opened()
    await cache.put(b"key", b"value")
    cache.close()
    code = """
        import asyncio, os, resource, sys
        from pathlib import Path
        from core.cache.disk import DiskCache
        cache = DiskCache(Path(sys.argv[1]), 16 << 20, "answers")
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
        for number in range(100):
            asyncio.run(cache.put(b"%d" % number, os.urandom(5000)))
        print(cache.errors > 0, cache.get(b"key"), cache.get(b"99"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        asyncio.run(cache.put(b"99", b"room again"))
        print(cache.get(b"99"), cache.get(b"key"))
        cache.close()
        """
    assert run_python(code, tmp_path / "cache").splitlines() == [
        "True b'value' None",
        "b'room again' b'value'",
    ]


WRITER = """
    import asyncio, os, sys
    from pathlib import Path
    from core.cache.disk import DiskCache
    cache = DiskCache(Path(sys.argv[1]), 4 << 20, "answers")
    async def main():
        for number in range(int(sys.argv[2])):
            key = b"%d" % (number % 100)
            await cache.put(key, key * 500 + os.urandom(500))
            value = cache.get(key)
            assert value is None or value.startswith(key * 500), (key, value[:20])
    asyncio.run(main())
    print(cache.hits, cache.errors)
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
