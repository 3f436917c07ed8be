"""Snapshots that are killed, run out of space, or meet: a release is complete and intact, or not there."""

import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ops.release.durable import remove
from ops.release.errors import SnapshotFailedError
from ops.release.snapshot import snapshot
from ops.release.store import Release, Store
from tests.parts.full_disk import full_disk
from tests.parts.trees import SMALL, write_tree

HERE = Path(__file__).parents[2]
FOREVER = """
import sys
from pathlib import Path
from ops.release.snapshot import snapshot
from ops.release.store import Store
root, store, number = Path(sys.argv[1]), Store(Path(sys.argv[2])), 0
while True:
    number += 1
    (root / "functions/one.py").write_text(f"from core.answer import WORD\\n{'x = 1' * (number % 2)}\\nN = {number}\\n")
    (root / "core/errors.py").write_text(f"class EdgeError(Exception):\\n    number = {number}\\n")
    snapshot(root, "one", store)
    print(number, flush=True)
"""
# Forks a child for each n, which kills itself at the n-th thing it asks of the file system; prints how many there are.
# Forked, since starting an interpreter for each takes a hundred times as long; the parent has no threads.
EACH_STEP = """
import os, signal, sys
from pathlib import Path
from ops.release.snapshot import snapshot
from ops.release.store import Store
root, work = Path(sys.argv[1]), Path(sys.argv[2])
n = 0
while True:
    n += 1
    child = os.fork()
    if child == 0:
        left = n
        def step(event, arguments):
            global left
            if event == "open" or event.startswith(("os.", "shutil.")) or event == "subprocess.Popen":
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(step)
        snapshot(root, "two", Store(work / str(n)))
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
print(n)
"""


def assert_nothing_is_half_done(store: Store, name: str = "one") -> tuple[Release, ...]:
    releases = store.list(name)
    assert [()] * len(releases) == [store.verify(release) for release in releases]
    folder = store.folder / name
    visible = {path.name for path in folder.glob("[!.]*")} if folder.exists() else set()
    assert {release.id for release in releases} == visible
    return releases


def leftovers(store: Store) -> list[Path]:
    return [*store.folder.glob("*/.new*"), *store.folder.glob(".new*")]


def run(source: str, *arguments: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", source, *map(str, arguments)], cwd=HERE, stdout=subprocess.PIPE)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory: what a kill leaves behind does not depend on the disk, whose syncs take their time."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    remove([folder])


def test_a_snapshot_killed_at_any_step_leaves_a_complete_release_or_none(root, memory):
    with run(EACH_STEP, root, memory) as process:
        steps = int(process.communicate()[0])
    assert steps > 50
    seen = set()
    for number in range(1, steps + 1):
        store = Store(memory / str(number))
        seen.add(len(assert_nothing_is_half_done(store, "two")))
        release = snapshot(root, "two", store)
        assert ([release], ()) == (list(store.list("two")), store.verify(release))
        assert [] == leftovers(store)
    assert {0, 1} == seen


def test_kill_9_at_random_instants_never_shows_half_a_release(root, store):
    instants = random.Random(4)
    for _ in range(8):
        with run(FOREVER, root, store.folder) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(instants.uniform(0, 0.08))  # the instant is the point
            process.kill()
        assert assert_nothing_is_half_done(store)
    write_tree(root, SMALL)
    release = snapshot(root, "one", store)
    assert () == store.verify(release)
    assert [] == leftovers(store)


@pytest.mark.parametrize("size_bytes", [0, 10, 30, 100, 200, 400, 800])
def test_a_full_disk_leaves_what_was_there_and_says_so(root, store, size_bytes):
    first = snapshot(root, "one", store)
    write_tree(root, {"core/errors.py": f"class EdgeError(Exception):\n    text = '{'x' * 1000}'\n"})
    with full_disk(size_bytes), pytest.raises(SnapshotFailedError, match=r"one: no release was made: .*too large"):
        snapshot(root, "one", store)
    assert (first,) == assert_nothing_is_half_done(store)
    assert [] == leftovers(store)
    second = snapshot(root, "one", store)
    assert {first.id, second.id} == {release.id for release in assert_nothing_is_half_done(store)}


def test_two_snapshots_at_once_make_one_release(root, store):
    together = threading.Barrier(4)

    def one(_: int) -> Release:
        together.wait()
        return snapshot(root, "one", Store(store.folder))

    with ThreadPoolExecutor(4) as pool:
        releases = list(pool.map(one, range(4)))
    assert [releases[0]] * 4 == releases
    assert (releases[0],) == assert_nothing_is_half_done(store)


def test_processes_that_snapshot_what_an_editor_writes_show_only_intact_releases(root, store):
    processes = [run(FOREVER, root, store.folder) for _ in range(3)]
    for process in processes:
        assert process.stdout
        for _ in range(4):
            assert process.stdout.readline(), "a snapshot failed"
        process.terminate()
        process.communicate()
    assert_nothing_is_half_done(store)
