"""What differs between the active releases and the tree, and which functions each file touches."""

from collections.abc import Iterable, Mapping

import msgspec

from ops.cli.workplace import Workplace
from ops.release.closure import LOCK
from ops.release.draft import GENERATED, Draft, read_draft
from ops.release.errors import UnknownReleaseError
from ops.release.imports import imports_of
from ops.release.snapshot import known_imports
from ops.release.store import Release

PYTHON = "Python"


class Change(msgspec.Struct, frozen=True):
    """One function of the tree. `release` is what a deploy would make; `files` differ from the active release's.

    `files` is empty when nothing changed, and holds everything when there is no active release to compare with.
    """

    function: str
    active: str | None
    release: str
    files: tuple[str, ...]

    @property
    def is_new(self) -> bool:
        """Whether the function was never deployed."""
        return self.active is None


def read_changes(place: Workplace, names: Iterable[str], active: Mapping[str, str | None]) -> tuple[Change, ...]:
    """Compare each function with its active release; writes nothing. Raises UnknownFunctionError and OSError."""
    known = known_imports(place.store)
    return tuple(_change(place, read_draft(place.root, name, known), active.get(name)) for name in names)


def touched(changes: Iterable[Change]) -> dict[str, list[str]]:
    """Each changed file, sorted, with the functions that it touches; those that are new are left out."""
    found: dict[str, list[str]] = {}
    for change in changes:
        for path in change.files if not change.is_new else ():
            found.setdefault(path, []).append(change.function)
    return dict(sorted(found.items()))


def _change(place: Workplace, draft: Draft, active: str | None) -> Change:
    if draft.id == active:
        return Change(draft.function, active, draft.id, ())
    return Change(draft.function, active, draft.id, _differences(draft, _found(place, draft.function, active)))


def _found(place: Workplace, name: str, release: str | None) -> Release | None:
    try:
        return place.store.get(name, release or "")
    except UnknownReleaseError:
        return None


def _is_broken(path: str, draft: Draft) -> bool:
    return path.endswith(".py") and path in draft.contents and imports_of(draft.contents[path]) is None


def _differences(draft: Draft, release: Release | None) -> tuple[str, ...]:
    if release is None:
        return tuple(sorted(draft.files.keys() - GENERATED.keys()))
    paths = draft.files.keys() | release.files.keys()
    found = sorted(path for path in paths if draft.files.get(path) != release.files.get(path))
    if broken := [path for path in found if _is_broken(path, draft)]:
        # Nobody knows what it imports, so that all of core is taken: nobody has changed the rest.
        found = sorted({*broken, *(path for path in found if path in draft.files and path in release.files)})
    found += [LOCK] if draft.lock != release.lock else []
    found += [PYTHON] if draft.python != release.python else []
    return tuple(found)
