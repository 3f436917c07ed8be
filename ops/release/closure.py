"""The files of `functions/` and `core/` that one function needs, found by following imports; nothing is imported."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ops.release.errors import UnknownFunctionError, checked_name
from ops.release.imports import KnownImports, absolute

LOCK = "requirements/run.txt"
BYTECODE_SUFFIXES = (".pyc", ".pyo")


class Closure(msgspec.Struct, kw_only=True):
    """`files`: path below the root, with slashes, to content, each read once.

    `absent` holds paths that were looked for in vain, `packages` the folders that were reached, and `whole_core` says
    that a source could not be parsed, so that all of core was taken.
    """

    function: str
    files: dict[str, bytes]
    absent: set[str]
    packages: set[str]
    whole_core: bool = False

    def concerns(self, path: str, package: str) -> bool:
        """Whether a change of this file, its appearing or its vanishing, can change the function.

        `package` is the nearest folder above the file that holds Python.
        """
        if path == LOCK or path in self.files or path in self.absent:
            return True
        if path.startswith(f"functions/{self.function}/") or (self.whole_core and path.startswith("core/")):
            return True
        return not path.endswith(".py") and package in self.packages


def function_names(root: Path) -> tuple[str, ...]:
    """The functions of a tree, sorted: modules and packages of `functions/` whose names do not start with `_`."""
    folder = root / "functions"
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return tuple(sorted(name for name in modules if name.isidentifier() and not name.startswith("_")))


def read_closure(root: Path, name: str, known: KnownImports | None = None) -> Closure:
    """Read what function `name` needs; raises UnknownFunctionError, which names the functions there are, and OSError.

    `functions/__init__.py` is not part of it: a release has an empty one, lest one function sees another's.
    """
    if checked_name(name) not in function_names(root):
        listed = ", ".join(function_names(root)) or "none"
        raise UnknownFunctionError(f"there is no function {name!r} in {root / 'functions'}; there are: {listed}")
    walk = _Walk(root, name, known or KnownImports())
    walk.run()
    return walk.closure


def touched_by(root: Path, changed: Iterable[Path]) -> tuple[str, ...]:
    """Names of the functions that a change of these paths (absolute, or relative to the root) touches, sorted.

    A path may be gone already: its name is still looked for by those that import it.
    """
    root = root.absolute()
    inside = [path.relative_to(root) for path in (root / given for given in changed) if path.is_relative_to(root)]
    paths = [(path.as_posix(), _package_of(root, path)) for path in inside]
    known = KnownImports()
    closures = (read_closure(root, name, known) for name in function_names(root))
    return tuple(closure.function for closure in closures if any(closure.concerns(*path) for path in paths))


class _Walk:
    def __init__(self, root: Path, name: str, known: KnownImports) -> None:
        self._root = root
        self._known = known
        self._seen: set[str] = set()
        self._queue: list[str] = []
        self._own = f"functions.{name}"
        self.closure = Closure(function=name, files={}, absent=set(), packages=set())

    def run(self) -> None:
        self._reach(self._own)
        own_folder = self._root / "functions" / self.closure.function
        if (own_folder / "__init__.py").is_file():  # its own folder goes as a whole
            self._take_all(own_folder)
        while self._queue:
            self._reach(self._queue.pop())

    def _reach(self, module: str) -> None:
        """Take a module, or a package's own files, and the packages it lies in."""
        module = module.removesuffix(".*")
        if module in self._seen or not self._is_ours(module):
            return
        self._seen.add(module)
        parent = module.rpartition(".")[0]
        if parent and parent != "functions":
            self._reach(parent)
        if f"{parent.replace('.', '/')}.py" in self.closure.files:
            return  # a name within a module
        path = module.replace(".", "/")
        folder = self._root / path
        if (folder / "__init__.py").is_file():
            self._take_package(path)
        elif (self._root / f"{path}.py").is_file():
            self._take(f"{path}.py")
        else:
            self.closure.absent |= {f"{path}.py", f"{path}/__init__.py"}
            if folder.is_dir():  # a namespace package
                self._take_package(path)

    def _is_ours(self, module: str) -> bool:
        return any(module == top or module.startswith(top + ".") for top in ("core", self._own))

    def _take_package(self, path: str) -> None:
        self.closure.packages.add(path)
        if not self._take(f"{path}/__init__.py"):
            self.closure.absent.add(f"{path}/__init__.py")
        for data in _data_files(self._root / path):
            self._take(data.relative_to(self._root).as_posix())

    def _take_all(self, folder: Path) -> None:
        for path in _all_files(folder):
            self._take(path.relative_to(self._root).as_posix())

    def _take(self, path: str) -> bool:
        if path in self.closure.files:
            return True
        try:
            content = (self._root / path).read_bytes()
        except FileNotFoundError:
            return False  # gone since it was listed: the import fails at the gate, if it is needed
        self.closure.files[path] = content
        if path.endswith(".py"):
            self._follow(path, content)
        return True

    def _follow(self, path: str, content: bytes) -> None:
        names = self._known.of(content)
        if names is None:
            # The release shall exist so that its gate can report the error; what the source needs is unknown.
            if not self.closure.whole_core:
                self.closure.whole_core = True
                self._take_all(self._root / "core")
            return
        package = path.removesuffix("/__init__.py") if path.endswith("/__init__.py") else path.rpartition("/")[0]
        for name in names:
            if module := absolute(name, package.replace("/", ".")):
                self._queue.append(module)
                if module.endswith(".*"):
                    self._queue.extend(_submodules(self._root, module.removesuffix(".*")))


def _package_of(root: Path, path: Path) -> str:
    holders = (folder for folder in path.parents if any((root / folder).glob("*.py")))
    return next(holders, Path()).as_posix()


def _submodules(root: Path, package: str) -> Iterator[str]:
    """What a star may import from a package: `__all__` can name any of its modules."""
    folder = root / package.replace(".", "/")
    yield from (f"{package}.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__")
    yield from (f"{package}.{path.parent.name}" for path in folder.glob("*/__init__.py"))


def _data_files(folder: Path) -> Iterator[Path]:
    """What is not Python in a package's folder and in those below it that hold no Python."""
    for entry in _entries(folder):
        if entry.is_file() and not entry.name.endswith(".py"):
            yield Path(entry.path)
        elif entry.is_dir(follow_symlinks=False) and not any(Path(entry.path).glob("*.py")):
            yield from _data_files(Path(entry.path))


def _all_files(folder: Path) -> Iterator[Path]:
    for entry in _entries(folder):
        if entry.is_file():
            yield Path(entry.path)
        elif entry.is_dir(follow_symlinks=False):
            yield from _all_files(Path(entry.path))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What belongs to the program: neither hidden nor left by an editor nor made by Python."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [entry for entry in entries if not _is_litter(entry.name)]


def _is_litter(name: str) -> bool:
    return name.startswith((".", "#")) or name.endswith(("~", *BYTECODE_SUFFIXES)) or name == "__pycache__"
