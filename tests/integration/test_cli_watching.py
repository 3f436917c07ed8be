"""A look at the tree finds what was saved, made or removed, however an editor does it."""

import os
from pathlib import Path

from ops.cli.watching import Tree


def test_nothing_changed_is_nothing(root: Path):
    assert () == Tree(root).changed()


def test_a_saved_a_new_and_a_removed_file_are_found_once(root: Path):
    tree = Tree(root)
    (root / "functions/one.py").write_text("# saved\n")
    (root / "core/answer/texts/new.txt").write_text("new\n")
    (root / "core/unused.py").unlink()
    found = [Path("core/answer/texts/new.txt"), Path("core/unused.py"), Path("functions/one.py")]
    assert found == [*tree.changed()]
    assert () == tree.changed()


def test_a_file_that_is_replaced_by_another_of_the_same_size_and_time_is_found(root: Path):
    tree, path = Tree(root), root / "functions/one.py"
    status = path.stat()
    aside = path.with_name("aside")
    aside.write_bytes(path.read_bytes())
    os.utime(aside, ns=(status.st_atime_ns, status.st_mtime_ns))
    aside.replace(path)
    assert (Path("functions/one.py"),) == tree.changed()


def test_what_editors_and_python_leave_is_not_looked_at(root: Path):
    tree = Tree(root)
    (root / "functions/__pycache__").mkdir()
    for name in (".one.py.swp", "one.py~", "#one.py#", "__pycache__/one.cpython-311.pyc"):
        (root / "functions" / name).touch()
    (root / "README.md").touch()
    assert () == tree.changed()


def test_the_requirements_are_watched_too(root: Path):
    tree = Tree(root)
    (root / "requirements/run.txt").write_text("msgspec==0.21.1\n")
    assert (Path("requirements/run.txt"),) == tree.changed()


def test_it_knows_when_the_last_of_the_files_was_saved(root: Path):
    tree = Tree(root)
    (root / "functions/one.py").write_text("# saved\n")
    os.utime(root / "functions/one.py", (5, 5))
    assert 5 == tree.saved_at(tree.changed())
    (root / "functions/one.py").unlink()
    assert tree.saved_at(tree.changed()) is None
