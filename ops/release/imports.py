"""What a Python source imports, read from its syntax tree and remembered by its content."""

import ast
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ops.release.address import digest

UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # NUL bytes and deep nesting are not SyntaxErrors
LIMIT = 5000  # sources remembered
_MODULE_NAME = re.compile(r"(?:core|functions)(?:\.[^\W\d]\w*)+", re.ASCII)


def imports_of(source: bytes) -> tuple[str, ...] | None:
    """Module names that a source may import, wherever in it they stand; None when it is not valid Python.

    `from a import b` gives `a` and `a.b`, since b may be a module or a name; relative names keep their dots; a star
    stays one. A string that is a dotted name below core or functions counts too: importlib takes such strings.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes: the worker that imports the source says so
            tree = ast.parse(source)
        return tuple(dict.fromkeys(name for node in ast.walk(tree) for name in _names(node)))
    except UNPARSABLE:
        return None


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom():
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}{'.' if node.module else ''}{alias.name}" for alias in node.names)
        case ast.Constant(value=str(text)) if _MODULE_NAME.fullmatch(text):
            yield text


def absolute(name: str, package: str) -> str | None:
    """Resolve a name with leading dots against the package it stands in; None when it points above the top."""
    dots = len(name) - len(name.lstrip("."))
    if not dots:
        return name
    base = package.split(".")
    if dots > len(base):
        return None
    rest = name[dots:]
    return ".".join([*base[: len(base) - dots + 1], *([rest] if rest else [])])


class _Remembered(msgspec.Struct):
    python: str
    imports: dict[str, tuple[str, ...] | None]


class KnownImports:
    """Remembers `imports_of` by the digest of the source, in a file when one is given.

    Parsing all of core takes longer than everything else in a snapshot of an unchanged tree.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known = _load(path) if path else {}
        self._used: dict[str, tuple[str, ...] | None] = {}
        self._learnt = False

    def of(self, source: bytes) -> tuple[str, ...] | None:
        """The same as `imports_of(source)`."""
        key = digest(source)
        if key not in self._known:
            self._known[key] = imports_of(source)
            self._learnt = True
        self._used[key] = self._known[key]
        return self._known[key]

    def save(self) -> None:
        """Write what was learnt; the caller holds the store's lock. Raises OSError."""
        if self._path is None or not self._learnt:
            return
        kept = self._known if len(self._known) <= LIMIT else self._used
        aside = self._path.with_name(self._path.name + ".new")
        aside.write_bytes(msgspec.json.encode(_Remembered(_python(), kept)))
        aside.replace(self._path)
        self._learnt = False


def _load(path: Path) -> dict[str, tuple[str, ...] | None]:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Remembered)
    except (OSError, msgspec.DecodeError):
        return {}  # absent, or torn by a power cut: read again from the sources
    return found.imports if found.python == _python() else {}


def _python() -> str:
    return sys.version  # another parser may read a source otherwise
