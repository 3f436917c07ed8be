"""Make a release of a function as it stands in the tree: written aside, synced, and renamed into its place."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ops.release import durable
from ops.release.bytecode import BytecodeCache, bytecode_path
from ops.release.closure import LOCK
from ops.release.draft import GENERATED, Draft, python_tag, read_draft
from ops.release.errors import DamagedReleaseError, SnapshotFailedError
from ops.release.imports import KnownImports
from ops.release.revision import Revision, revision_of
from ops.release.store import ASIDE, RECORD, Record, Release, Store, source_files

PROBLEMS_TOLD = 3


def snapshot(root: Path, name: str, store: Store) -> Release:
    """Release function `name` of a tree; the same content gives the release that is there, mended when damaged.

    Raises UnknownFunctionError and SnapshotFailedError; a crash at any instant leaves a complete release or none.
    """
    try:
        known = known_imports(store)
        draft = read_draft(root, name, known)
        with store.locked():
            known.save()
            if kept := _intact(draft, store):
                return kept
            paths = [path for path in draft.files if path not in GENERATED]
            return _publish(draft, store, revision_of(root, [*paths, *([LOCK] if draft.lock else [])]))
    except (OSError, UnicodeEncodeError) as error:  # the latter: a file's name that is not UTF-8
        raise SnapshotFailedError(f"{name}: no release was made: {error}") from error


def preview(root: Path, name: str, store: Store) -> str:
    """The id that a snapshot of the tree would have; writes nothing. Raises as `snapshot` does."""
    try:
        return read_draft(root, name, known_imports(store)).id
    except (OSError, UnicodeEncodeError) as error:
        raise SnapshotFailedError(f"{name}: the tree cannot be read: {error}") from error


def repair(release: Release, store: Store) -> Release:
    """Write a release anew from its own sources: its byte-code is damaged, or was compiled by another Python.

    Raises DamagedReleaseError when the sources are damaged too, and SnapshotFailedError.
    """
    contents = {path: content for path, content in source_files(release) if content is not None}
    if not store.sources_intact(release):
        raise DamagedReleaseError(f"release {release.id} of {release.function}: {_in_short(store.verify(release))}")
    if release.python != python_tag():
        raise DamagedReleaseError(f"release {release.id} of {release.function} is for {release.python}")
    draft = Draft(
        function=release.function,
        contents=contents,
        files=release.files,
        lock=release.lock,
        pins=release.pins,
        python=release.python,
    )
    revision = None if release.commit is None else Revision(release.commit, release.dirty is not False)
    try:
        with store.locked():
            return _intact(draft, store) or _publish(draft, store, revision, release.created_at)
    except OSError as error:
        raise SnapshotFailedError(f"{release.function}: release {release.id} was not repaired: {error}") from error


def _in_short(problems: Sequence[str]) -> str:
    more = len(problems) - PROBLEMS_TOLD
    return "; ".join([*problems[:PROBLEMS_TOLD], *([f"and {more} more"] if more > 0 else [])])


def known_imports(store: Store) -> KnownImports:
    """What earlier snapshots into this store learnt about sources; its `save` needs the store's lock."""
    return KnownImports(store.folder / ".imports.json")


def _intact(draft: Draft, store: Store) -> Release | None:
    found = next((release for release in store.list(draft.function) if release.id == draft.id), None)
    return None if found is None or store.verify(found) else found


def _publish(draft: Draft, store: Store, revision: Revision | None, created_at: datetime | None = None) -> Release:
    folder = store.folder / draft.function / draft.id
    folder.parent.mkdir(exist_ok=True)
    aside = folder.with_name(f"{ASIDE}{draft.id}")
    try:
        uncompiled = _write(draft, aside, BytecodeCache(store.bytecode / draft.python))
        record = Record(
            function=draft.function,
            id=draft.id,
            address=draft.address,
            created_at=created_at or datetime.now(UTC),
            files=draft.files,
            lock=draft.lock,
            pins=draft.pins,
            python=draft.python,
            uncompiled=uncompiled,
            commit=revision.commit if revision else None,
            dirty=revision.dirty if revision else None,
        )
        durable.write_new(aside / RECORD, msgspec.json.format(msgspec.json.encode(record)))
        durable.seal(aside)
        if folder.exists():  # a damaged one; whatever happens between the two renames, it is not seen again
            folder.rename(folder.with_name(f"{ASIDE}{draft.id}-damaged"))
        aside.rename(folder)
        durable.sync(folder.parent)
        durable.sync(store.folder)
    except BaseException:
        durable.remove([aside])
        raise
    durable.remove(folder.parent.glob(f"{ASIDE}*"))
    return Release(**msgspec.structs.asdict(record), folder=folder)


def _write(draft: Draft, aside: Path, cache: BytecodeCache) -> tuple[str, ...]:
    """Write sources and byte-code; returns the sources that do not compile."""
    uncompiled = []
    for path, content in sorted(draft.contents.items()):
        target = aside / path
        target.parent.mkdir(parents=True, exist_ok=True)
        durable.write_new(target, content)
        if path.endswith(".py"):
            bytecode = aside / bytecode_path(path, draft.python)
            bytecode.parent.mkdir(exist_ok=True)
            if not cache.put(content, draft.files[path], path, bytecode):
                uncompiled.append(path)
    return tuple(uncompiled)
