"""What a start of the stack deploys of the tree: nothing that is no Python, and nothing that was gone back from."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ops.release.closure import Closure, function_names, read_closure
from ops.release.departures import departures, told
from ops.release.imports import KnownImports
from ops.release.journal import Journal
from ops.release.snapshot import known_imports, snapshot
from ops.release.store import Store

Say = Callable[[str], None]


def to_deploy(  # noqa: PLR0913
    root: Path, store: Store, journal: Journal, active: Mapping[str, str | None], *, every: bool, say: Say
) -> dict[str, str]:
    """Releases, made now, that differ from the active ones, by function; without `every` only where there is none.

    Raises ReleaseError.
    """
    known, wanted, broken = known_imports(store), {}, dict[str, list[str]]()
    for name in function_names(root):
        if journal.is_removed(name) or not (every or active.get(name) is None):
            continue
        if active.get(name) is not None and (fault := _fault(read_closure(root, name, known), known)) is not None:
            broken.setdefault(fault, []).append(name)
            continue
        release = snapshot(root, name, store).id
        left = departures(journal.entries(name)).get(release)
        if left is not None:
            say(f"{name}: the tree's release {release} was {told(left)}; `edge deploy {name}` deploys it all the same")
        elif release != active.get(name):
            wanted[name] = release
    for fault, names in broken.items():
        say(f"{fault}\ngoing on with the releases that serve: {', '.join(names)}")
    return wanted


def _fault(closure: Closure, known: KnownImports) -> str | None:
    """Where a source of a function is no Python, None when all are."""
    if closure.whole_core:
        for path, content in closure.files.items():
            if path.endswith(".py") and known.of(content) is None:
                try:
                    compile(content, path, "exec")
                except SyntaxError as error:
                    return f"{path}, line {error.lineno}: {error.msg}"
                except ValueError as error:
                    return f"{path}: {error}"
    return None
