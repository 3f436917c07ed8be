"""Which modules a source may import."""

import pytest

from ops.release.imports import absolute, imports_of


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import core.a, core.b as b", ["core.a", "core.b"]),
        ("from core.a import b", ["core.a", "core.a.b"]),
        ("from core.a import *", ["core.a", "core.a.*"]),
        ("from . import b", [".", ".b"]),
        ("from ..a.b import c", ["..a.b", "..a.b.c"]),
        ("def f():\n    import core.late", ["core.late"]),
        ("if TYPE_CHECKING:\n    from core import types", ["core", "core.types"]),
        ("try:\n    import core.a\nexcept ImportError:\n    import core.b", ["core.a", "core.b"]),
        ("SOURCES = ('core.db.search', 'core', 'score.a', 'a core.b')", ["core.db.search"]),
        ("x = '\\d'", []),
        ("# coding: latin-1\nimport core.a  # \xe9".encode("latin-1"), ["core.a"]),
    ],
)
def test_imports_are_found_wherever_they_stand(source, names):
    assert names == list(imports_of(source if isinstance(source, bytes) else source.encode()))


@pytest.mark.parametrize("source", [b"def (:", b"x = '\0'", b"\xff", b"(" * 500, b"-" * 100_000 + b"1"])
def test_what_is_not_python_has_no_list_of_imports(source):
    assert imports_of(source) is None


@pytest.mark.parametrize(
    ("name", "package", "expected"),
    [
        ("core.a", "core.x", "core.a"),
        (".a", "core.x", "core.x.a"),
        (".", "core.x", "core.x"),
        ("..a.b", "core.x", "core.a.b"),
        ("...a", "core.x", None),
    ],
)
def test_relative_names_are_resolved_as_python_does(name, package, expected):
    assert expected == absolute(name, package)
