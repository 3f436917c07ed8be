"""Is what serves intact, and is it what stands in the tree?"""

from collections.abc import Iterator
from pathlib import Path

import psutil

from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, unknown, warning
from ops.release.closure import function_names
from ops.release.departures import departures, told
from ops.release.draft import read_draft
from ops.release.errors import ReleaseError
from ops.release.journal import Journal
from ops.release.snapshot import known_imports
from ops.release.store import Store


def examine(box: Box) -> Iterator[Finding]:
    """Check each active release byte by byte, and compare it with what a deploy would make now."""
    if box.host is None:
        yield unknown("no host tells what serves", "start it with `make up` or `edge up`")
        return
    store = Store(box.folders.releases)
    active = {one["name"]: one["release"] for one in box.functions if one["release"] is not None}
    damaged = list(_damaged(store, active))
    yield from damaged
    stale, left = _stale(box, store, active)
    if stale:
        yield warning(f"{', '.join(stale)}: the tree has another version than the one that serves", "`edge deploy`")
    for name, why in left.items():
        yield warning(f"{name}: the tree still has release {why}", f"mend it, or `edge deploy {name}` as it is")
    old = _host_is_older(box)
    if old is not None:
        yield warning(f"the host runs since before {old} changed", "`edge host upgrade`")
    if not damaged and not stale and not left:
        yield ok(f"{len(active)} active releases are intact, and as the tree")


def _damaged(store: Store, active: dict[str, str]) -> Iterator[Finding]:
    for name, release in active.items():
        try:
            problems = store.verify(store.get(name, release))
        except ReleaseError as error:
            problems = (str(error),)
        if problems:
            yield fault(f"release {release} of {name} is damaged: {problems[0]}", f"`edge deploy {name}`")


def _stale(box: Box, store: Store, active: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Functions of which the tree has another release than serves, and why where that was gone back from."""
    known, journal, found, left = known_imports(store), Journal(box.folders.journal), [], {}
    for name in function_names(box.root):
        if journal.is_removed(name):
            continue
        try:
            draft = read_draft(box.root, name, known).id
        except (ReleaseError, OSError):
            draft = "unreadable"
        if draft == active.get(name):
            continue
        if (entry := departures(journal.entries(name)).get(draft)) is not None:
            left[name] = f"{draft}, {told(entry)}"
        else:
            found.append(name)
    return found, left


def _host_is_older(box: Box) -> str | None:
    """What the running host was started with and is another since: its own code or the requirements."""
    if box.host is None:
        return None
    try:
        started = psutil.Process(box.host["pid"]).create_time()
    except psutil.Error:
        return None
    watched: list[Path] = [box.root / "requirements" / "run.txt", *sorted((box.root / "ops" / "host").glob("*.py"))]
    newer = (path for path in watched if path.is_file() and path.stat().st_mtime > started)
    return next((str(path.relative_to(box.root)) for path in newer), None)
