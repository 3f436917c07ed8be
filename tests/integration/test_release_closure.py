"""Which files a function needs: small trees on disk, imports followed without running anything."""

from pathlib import Path

import pytest

from ops.release.closure import function_names, read_closure, touched_by
from ops.release.errors import UnknownFunctionError
from tests.parts.trees import SMALL, write_tree

HERE = Path(__file__).parents[2]


def files_of(root: Path, name: str) -> list[Path]:
    return [Path(path) for path in sorted(read_closure(root, name).files)]


def needs(root: Path, name: str = "one", **files: str | bytes) -> list[str]:
    tree = {"core/__init__.py": "", "functions/__init__.py": "", **files}
    return [path.as_posix() for path in files_of(write_tree(root, tree), name)]


def with_function(source: str | bytes, **core: str) -> dict:
    return {"functions/one.py": source} | {f"core/{path}": content for path, content in core.items()}


def test_imports_and_data_of_packages_are_followed_and_nothing_else(tmp_path):
    write_tree(tmp_path, SMALL)
    expected = {"core/__init__.py", "core/answer/__init__.py", "core/answer/texts/greeting.txt"}
    expected |= {"core/answer/words.py", "core/errors.py", "functions/one.py"}
    assert expected == {path.as_posix() for path in files_of(tmp_path, "one")}
    assert ["core/__init__.py", "core/errors.py", "functions/two.py"] == [str(p) for p in files_of(tmp_path, "two")]


@pytest.mark.parametrize(
    "source",
    [
        "import core.a.b",
        "from core.a import b",
        "from core.a.b import name",
        "def f():\n    from core.a import b",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import core.a.b",
        "import importlib\nimportlib.import_module('core.a.b')",
        "from core.a import *",
    ],
)
def test_each_way_to_import_a_module_is_seen(tmp_path, source):
    files = with_function(source, **{"a/__init__.py": "", "a/b.py": "name = 1", "c.py": ""})
    assert ["core/__init__.py", "core/a/__init__.py", "core/a/b.py", "functions/one.py"] == needs(tmp_path, **files)


def test_relative_imports_are_seen_in_modules_and_packages(tmp_path):
    files = {"a/__init__.py": "from . import b", "a/b.py": "from .c import d\nfrom .. import e"}
    files |= {"a/c.py": "", "e.py": "", "f.py": ""}
    expected = ["core/__init__.py", "core/a/__init__.py", "core/a/b.py", "core/a/c.py", "core/e.py", "functions/one.py"]
    assert expected == needs(tmp_path, **with_function("import core.a", **files))


def test_modules_that_import_each_other_end(tmp_path):
    files = with_function("import core.a", **{"a.py": "import core.b", "b.py": "import core.a"})
    assert ["core/__init__.py", "core/a.py", "core/b.py", "functions/one.py"] == needs(tmp_path, **files)


def test_a_folder_without_init_is_a_package_too(tmp_path):
    files = with_function("import core.a.b", **{"a/b.py": "", "a/data.json": "{}"})
    assert ["core/__init__.py", "core/a/b.py", "core/a/data.json", "functions/one.py"] == needs(tmp_path, **files)


def test_a_function_that_is_a_folder_goes_as_a_whole_and_without_litter(tmp_path):
    own = {"__init__.py": "from functions.one import a", "a.py": "import core.x", "late.py": "", "page.html": ""}
    litter = {"page.html~": "", ".a.py.swp": "", "__pycache__/a.cpython-311.pyc": b"x", "#a.py#": ""}
    files = {f"functions/one/{path}": content for path, content in (own | litter).items()}
    found = needs(tmp_path, **files, **{"core/x.py": "", "core/.hidden": "", "functions/two.py": ""})
    assert [f"functions/one/{path}" for path in sorted(own)] == [path for path in found if "functions" in path]
    assert ["core/__init__.py", "core/x.py"] == [path for path in found if "core" in path]


def test_another_function_is_never_taken(tmp_path):
    files = with_function(
        "from functions import two\nfrom functions.two import x\nfrom . import two\nimport functions.two"
    )
    assert ["functions/one.py"] == needs(tmp_path, **files, **{"functions/two.py": "x = 1"})


@pytest.mark.parametrize("source", ["def (:\n", b"\xff\xfe", b"x = '\0'"])
def test_a_function_that_is_not_python_comes_with_all_of_core(tmp_path, source):
    found = needs(tmp_path, **with_function(source, **{"a/b.py": "", "a/deep/data.sql": "", "c.py": ""}))
    assert ["core/__init__.py", "core/a/b.py", "core/a/deep/data.sql", "core/c.py", "functions/one.py"] == found


def test_a_module_of_core_that_is_not_python_is_taken_with_all_of_core(tmp_path):
    files = with_function("import core.a", **{"a.py": "def (:", "b.py": ""})
    assert ["core/__init__.py", "core/a.py", "core/b.py", "functions/one.py"] == needs(tmp_path, **files)


@pytest.mark.parametrize("name", ["three", "", "__init__", "../one", "one.py", "_private"])
def test_a_missing_function_is_refused_and_the_message_says_which_there_are(tmp_path, name):
    write_tree(tmp_path, SMALL)
    with pytest.raises(
        UnknownFunctionError, match="there are: one, two" if name == "three" else "cannot be a function"
    ):
        files_of(tmp_path, name)


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ("core/errors.py", ("one", "two")),
        ("core/answer/words.py", ("one",)),
        ("core/answer/texts/greeting.txt", ("one",)),
        ("core/answer/texts/deleted.txt", ("one",)),
        ("core/unused.py", ()),
        ("functions/two.py", ("two",)),
        ("functions/gone.py", ()),
        ("requirements/run.txt", ("one", "two")),
        ("requirements/dev.txt", ()),
        ("docs/page.md", ()),
        ("/etc/passwd", ()),
    ],
)
def test_a_change_touches_the_functions_that_need_the_file(tmp_path, changed, names):
    assert names == touched_by(write_tree(tmp_path, SMALL), [Path(changed)])
    assert names == touched_by(tmp_path, [tmp_path / changed])


def test_a_deleted_module_touches_those_who_still_import_it(tmp_path):
    write_tree(tmp_path, SMALL)
    (tmp_path / "core/answer/words.py").unlink()
    assert ("one",) == touched_by(tmp_path, [Path("core/answer/words.py")])


@pytest.mark.parametrize("name", function_names(HERE))
def test_the_functions_of_this_tree_get_modules_and_data(name):
    found = {path.as_posix() for path in files_of(HERE, name)}
    assert {"core/__init__.py", "core/function.py", "core/settings.py"} <= found
    others = {f"functions/{other}" for other in function_names(HERE) if other != name}
    assert not any(path.startswith((*others, "ops", "tests")) for path in found)
