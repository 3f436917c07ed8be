"""A release on disk: what is in it, that it never changes, and that it costs what changed."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.release.closure import function_names
from ops.release.errors import DamagedReleaseError, SnapshotFailedError, UnknownFunctionError
from ops.release.snapshot import preview, repair, snapshot
from ops.release.store import Store
from tests.parts.trees import write_tree

HERE = Path(__file__).parents[2]
PYC = f"__pycache__/words.{sys.implementation.cache_tag}.pyc"


def shape(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(p.relative_to(folder)): (p.stat().st_mode & 0o777, p.stat().st_mtime_ns, p.read_bytes()) for p in files}


def run_in(release, source: str) -> str:
    command = [sys.executable, "-v", "-c", source]
    env = {**os.environ, "PYTHONPATH": str(release.folder)}
    run = subprocess.run(command, env=env, cwd=release.folder, capture_output=True, text=True, check=True)
    return run.stdout + run.stderr


def compiled(store: Store) -> set[str]:
    return {path.name for path in store.bytecode.rglob("*.pyc")}


def test_a_release_is_laid_out_as_the_tree_and_records_what_it_is(root, store):
    release = snapshot(root, "one", store)
    assert store.folder / "one" / release.id == release.folder
    plain = {path for path in shape(release.folder) if "__pycache__" not in path}
    assert {*release.files, "release.json"} == plain
    assert {"functions/__init__.py", "functions/one.py", "core/answer/texts/greeting.txt"} <= plain
    assert not plain & {"functions/two.py", "core/unused.py"}
    record = json.loads((release.folder / "release.json").read_bytes())
    assert ("one", release.id, release.address) == (record["function"], record["id"], record["address"])
    assert ["litestar==2.25.0", "msgspec==0.21.0"] == record["pins"]
    assert sys.implementation.cache_tag == record["python"]
    assert (datetime.now(UTC) - release.created_at).total_seconds() >= 0
    assert () == store.verify(release)


def test_what_stands_in_functions_init_never_reaches_a_release(root, store):
    write_tree(root, {"functions/__init__.py": "raise SystemExit"})
    assert b"" == (snapshot(root, "one", store).folder / "functions/__init__.py").read_bytes()


def test_everything_in_a_release_is_read_only(root, store):
    folder = snapshot(root, "one", store).folder
    assert {0o444} == {mode for mode, _, _ in shape(folder).values()}
    assert {0o555} == {path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")] if path.is_dir()}


def test_the_same_content_is_the_same_release_and_nothing_of_it_is_written_again(root, store):
    first = snapshot(root, "one", store)
    before = shape(first.folder)
    (root / "functions/one.py").touch()
    write_tree(root, {"core/unused.py": "changed = 1", "functions/two.py": "changed = 1"})
    assert first == snapshot(root, "one", store)
    assert before == shape(first.folder)


@pytest.mark.parametrize(
    "path", ["functions/one.py", "core/errors.py", "core/answer/texts/greeting.txt", "requirements/run.txt"]
)
def test_a_change_of_what_a_function_needs_is_another_release(root, store, path):
    first = snapshot(root, "one", store)
    write_tree(root, {path: (root / path).read_text() + "\n"})
    assert preview(root, "one", store) == snapshot(root, "one", store).id != first.id
    assert () == store.verify(first)


def test_a_preview_writes_nothing(root, store):
    assert preview(root, "one", store)
    assert not store.folder.exists()


def test_a_worker_uses_the_bytecode_and_writes_nothing(root, store):
    release = snapshot(root, "one", store)
    before = shape(release.folder)
    said = run_in(release, "import functions.one, core.answer.words as w; print(w.__file__)")
    assert before == shape(release.folder)
    for module in ("functions/__init__", "functions/one", "core/errors", "core/answer/words"):
        pyc = release.folder / f"{module}.py"
        assert f"code object from '{pyc.parent}/__pycache__/{pyc.stem}." in said
    assert "could not create" not in said
    assert "wrote " not in said


def test_a_traceback_shows_the_file_of_its_own_release(root, store):
    for word in ("fine", "finer"):
        write_tree(root, {"functions/one.py": f"from core.answer.words import FAIL\nWORD = '{word}'\n"})
        release = snapshot(root, "one", store)
        said = run_in(release, "import functions.one as f\nprint(f.FAIL.__code__.co_filename)")
        assert f"{release.folder}/core/answer/words.py" in said.splitlines()


def test_a_change_of_one_file_compiles_one_file(root, store):
    snapshot(root, "one", store)
    before = compiled(store)
    write_tree(root, {"core/errors.py": "class EdgeError(Exception):\n    detail = 1\n"})
    snapshot(root, "one", store)
    assert 1 == len(compiled(store) - before)
    snapshot(root, "two", store)
    assert 1 == len(compiled(store) - before) - len({"functions/two.py"})


def test_unchanged_bytecode_is_one_file_in_all_releases(root, store):
    first = snapshot(root, "one", store)
    write_tree(root, {"functions/one.py": "from core.answer import WORD as W\n"})
    second = snapshot(root, "one", store)
    assert (first.folder / "core/answer" / PYC).samefile(second.folder / "core/answer" / PYC)
    assert not (first.folder / "core/errors.py").samefile(second.folder / "core/errors.py")


def test_a_function_that_is_not_python_is_released_for_its_gate_to_refuse(root, store):
    write_tree(root, {"functions/one.py": "def create_app(:\n"})
    release = snapshot(root, "one", store)
    assert ("functions/one.py",) == release.uncompiled
    assert "core/unused.py" in release.files
    assert () == store.verify(release)
    with pytest.raises(subprocess.CalledProcessError):
        run_in(release, "import functions.one")


def damage(path: Path, content: bytes | None) -> None:
    path.parent.chmod(0o755)
    if content is None:
        path.unlink()
    else:
        path.chmod(0o644)
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("core/errors.py", b"", "core/errors.py is altered"),
        ("core/errors.py", None, "core/errors.py is missing"),
        ("core/extra.py", b"", "core/extra.py does not belong"),
        (f"core/answer/{PYC}", b"torn", f"core/answer/{PYC} is altered"),
        (f"core/answer/{PYC}", None, f"core/answer/{PYC} is missing"),
        ("release.json", b"{}", "release.json is unreadable"),
    ],
)
def test_a_damaged_release_is_recognised_and_written_anew(root, store, path, content, says):
    release = snapshot(root, "one", store)
    if not (release.folder / path).exists():
        (release.folder / path).parent.chmod(0o755)
        (release.folder / path).touch()
    damage(release.folder / path, content)
    assert any(says in problem for problem in store.verify(release))
    again = snapshot(root, "one", store)
    assert (release.id, ()) == (again.id, store.verify(again))
    assert [again.folder] == list((store.folder / "one").iterdir())
    assert "fine" in run_in(again, "import functions.one as f; print(f.WORD)")


def test_damaged_bytecode_in_the_cache_is_compiled_again(root, store):
    release = snapshot(root, "one", store)
    for kept in store.bytecode.rglob("*.pyc"):
        damage(kept, kept.read_bytes()[:-9] + b"x" * 9)
    assert store.verify(release)
    write_tree(root, {"functions/one.py": "from core.answer import WORD as W\n"})
    assert () == store.verify(snapshot(root, "one", store))


def test_a_release_with_damaged_bytecode_is_repaired_without_the_tree(root, store):
    release = snapshot(root, "one", store)
    damage(release.folder / "core/answer" / PYC, b"")
    write_tree(root, {"functions/one.py": "changed = 1"})
    assert release == repair(release, store)
    assert () == store.verify(release)


def test_a_release_with_damaged_sources_is_not_repaired(root, store):
    release = snapshot(root, "one", store)
    damage(release.folder / "core/errors.py", b"changed = 1")
    with pytest.raises(DamagedReleaseError, match=r"core/errors\.py is altered"):
        repair(release, store)


def test_a_missing_function_is_refused(root, store):
    with pytest.raises(UnknownFunctionError, match="there are: one, two"):
        snapshot(root, "three", store)


def test_a_store_that_cannot_be_written_is_told_of(root, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SnapshotFailedError, match="one: no release was made"):
        snapshot(root, "one", Store(tmp_path / "file"))


def git(root: Path, *command: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", root, *who, *command], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_commit_is_recorded_and_whether_the_function_differs_from_it(root, store):
    assert (None, None) == ((none := snapshot(root, "one", store)).commit, none.dirty)
    git(root, "init", "-q")
    write_tree(
        root, {"functions/one.py": "import core.answer\n", "core/unused.py": "", ".gitignore": "core/ignored.py\n"}
    )
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "x")
    commit = git(root, "rev-parse", "HEAD")
    write_tree(root, {"core/unused.py": "dirty = 1", "functions/new.py": ""})
    clean = snapshot(root, "one", store)
    write_tree(root, {"core/errors.py": "class EdgeError(Exception):\n    detail = 1\n"})
    dirty = snapshot(root, "one", store)
    write_tree(root, {"core/ignored.py": "", "functions/three.py": "import core.ignored\n"})
    ignored = snapshot(root, "three", store)
    assert [(commit, False), (commit, True), (commit, True)] == [(r.commit, r.dirty) for r in (clean, dirty, ignored)]


@pytest.mark.parametrize("name", function_names(HERE))
def test_the_functions_of_this_tree_import_from_their_release_alone(store, name):
    release = snapshot(HERE, name, store)
    before = shape(release.folder)
    source = f"""
import sys, importlib
module = importlib.import_module("functions.{name}")
assert module.create_app()
ours = [m for m in sys.modules.values() if m.__name__.split(".")[0] in ("core", "functions", "ops", "nginx")]
print("OUTSIDE", [m.__file__ for m in ours if not (m.__file__ or "").startswith({str(release.folder)!r})])
"""
    assert "OUTSIDE []" in run_in(release, source)
    assert before == shape(release.folder)


def test_the_command_line_pays_for_msgspec_alone():
    source = """
import sys
before = set(sys.modules)
import ops.release.diff, ops.release.journal, ops.release.snapshot
print(*{name.split(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)
assert not {"asyncio", "concurrent.futures", "ssl"} & set(sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", source], cwd=HERE, capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) <= {"msgspec", "ops", "typing_extensions"}  # the last is what msgspec takes
