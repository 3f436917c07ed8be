"""Whatever happens to the files of a disk cache is a miss, and it heals."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.parts.cache import database_file, found, healed, opening, run_python


@pytest.fixture
def opened(tmp_path):
    with opening(tmp_path) as open_cache:
        yield open_cache


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


async def test_a_folder_that_cannot_be_made_is_only_misses_until_it_can(opened, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    cache = opened()
    await cache.put(b"key", b"value")
    assert cache.get(b"key") is None
    assert not cache.available
    (tmp_path / "cache").unlink()
    await healed(cache)
    assert cache.available


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
