"""What an operator reads of the difference between releases."""

from ops.release.diff import diff, diff_tree
from ops.release.snapshot import snapshot
from tests.parts.trees import SMALL, write_tree


def test_changed_files_are_shown_as_a_unified_diff(root, store):
    a = snapshot(root, "two", store)
    write_tree(root, {"core/errors.py": SMALL["core/errors.py"].replace("EdgeError", "Error")})
    b = snapshot(root, "two", store)
    expected = (
        f"--- {a.id}/core/errors.py\n+++ {b.id}/core/errors.py\n@@ -1,2 +1,2 @@\n"
        "-class EdgeError(Exception):\n+class Error(Exception):\n     pass\n"
    )
    assert expected == diff(a, b)
    assert expected.replace(b.id, "tree") == diff_tree(a, root)


def test_a_release_does_not_differ_from_itself_nor_from_the_tree_it_was_made_of(root, store):
    release = snapshot(root, "one", store)
    assert "" == diff(release, release) == diff_tree(release, root)


def test_files_that_came_and_went_are_shown_from_and_to_nothing(root, store):
    a = snapshot(root, "two", store)
    write_tree(root, {"functions/two.py": "import core.unused", "core/empty.txt": ""})
    shown = diff(a, snapshot(root, "two", store))
    assert f"--- {a.id}/core/errors.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n" in shown
    assert "--- /dev/null\n+++ " in shown
    assert "/core/empty.txt\n" in shown
    assert "-import core.errors\n+import core.unused\n\\ No newline at end of file\n" in shown


def test_binary_files_are_named_and_not_shown(root, store):
    write_tree(root, {"core/data.bin": b"\0\1"})
    a = snapshot(root, "two", store)
    write_tree(root, {"core/data.bin": b"\xff\xfe"})
    assert f"Binary files {a.id}/core/data.bin and tree/core/data.bin differ\n" == diff_tree(a, root)


def test_changed_requirements_are_shown_by_version(root, store):
    a = snapshot(root, "two", store)
    write_tree(root, {"requirements/run.txt": SMALL["requirements/run.txt"].replace("2.25.0", "2.25.1")})
    shown = diff_tree(a, root)
    assert shown.startswith("requirements/run.txt: ")
    assert "-litestar==2.25.0\n+litestar==2.25.1\n" in shown
    assert "msgspec" not in shown
