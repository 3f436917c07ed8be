"""The core of releases in the place of the tree's, for commands that must work while a save has broken that."""

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType, TracebackType

import click

from ops.release.errors import ReleaseError
from ops.release.journal import Journal
from ops.release.store import Release, Store

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "core"
# By these an operator sees what serves and goes back. What writes into the database waits until core is whole again.
VERBS = frozenset(
    {"up", "down", "dev", "status", "list", "deploy", "rollback", "remove", "history", "diff", "logs", "invoke", "host"}
    | {"doctor", "completion"}
)
KEPT = ("ops", "ops.cli", "ops.release", __name__)


class ReleasedCore(MetaPathFinder):
    """Finds each module of `core` in the first of the folders that has it."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - as the importer calls it
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """As importlib asks."""
        if fullname.partition(".")[0] != "core":
            return None
        stem = fullname.replace(".", "/")
        for folder in self._folders:
            if (package := folder / stem / "__init__.py").is_file():
                return spec_from_file_location(fullname, package, submodule_search_locations=[str(package.parent)])
            if (module := folder / f"{stem}.py").is_file():
                return spec_from_file_location(fullname, module)
        return None


def import_again(module: str, verb: str, error: Exception) -> ModuleType:
    """Import a verb's module with the core of releases, after that of the tree did not let it (`error`).

    Raises ClickException, which names file and line, where the verb does not work so or no release has a core; and
    `error` when it is of something else.
    """
    if (fault := fault_in_core(error)) is None:
        raise error
    releases = _releases() if verb in VERBS else []
    if not releases:
        raise click.ClickException(fault) from None
    click.echo(
        f"{fault}; this command goes on with core of release {releases[0].id} of {releases[0].function}", err=True
    )
    for name in [name for name in sys.modules if _is_to_go(name)]:
        del sys.modules[name]
    sys.meta_path.insert(0, ReleasedCore([*(release.folder for release in releases), ROOT]))
    try:
        return importlib.import_module(module)
    except Exception as again:
        if (fault := fault_in_core(again)) is None:
            raise
        raise click.ClickException(f"{fault}, and no release has that file") from None


def fault_in_core(error: Exception) -> str | None:
    """Where the tree's core does not import, and why; None for an error of anything else."""
    kind = type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        at, line = Path(error.filename), error.lineno
    else:
        at, line = _innermost(error.__traceback__)
    if isinstance(error, ImportError) and not at.is_relative_to(CORE) and error.path:
        at, line = Path(error.path), 1  # what was looked for in it is gone
    if not at.is_relative_to(CORE):
        return None
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{at.relative_to(ROOT)}, line {line}: {kind}: {message}"


def _innermost(traceback: TracebackType | None) -> tuple[Path, int | None]:
    """The last frame that is not of the importing itself."""
    found: tuple[Path, int | None] = (Path(), None)
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if not name.startswith("<"):
            found = Path(name), traceback.tb_lineno
        traceback = traceback.tb_next
    return found


def _releases() -> list[Release]:
    """Active releases, the newest first: each has the part of core that it needs, and passed the gate."""
    # The settings themselves are what cannot be read.
    home = Path(os.environ.get("EDGE_HOME", "").strip() or ".edge").expanduser().absolute()
    journal, store, found = Journal(home / "journal"), Store(home / "releases"), []
    for name in journal.names():
        try:
            active = journal.active(name)
            found += [store.get(name, active)] if active else []
        except (ReleaseError, OSError):
            continue
    return sorted(found, key=lambda release: release.created_at, reverse=True)


def _is_to_go(name: str) -> bool:
    """What may hold on to a part of the tree's core."""
    top = name.partition(".")[0]
    return top == "core" or (top == "ops" and not name.startswith("ops.release.") and name not in KEPT)
