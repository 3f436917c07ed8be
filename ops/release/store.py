"""The folder of all releases: `STORE/FUNCTION/ID/`, each complete and intact or not there."""

import contextlib
import fcntl
import os
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from ops.release import durable
from ops.release.address import address, digest, short
from ops.release.bytecode import bytecode_path, drop_unused, is_intact
from ops.release.errors import UnknownReleaseError, checked_name

RECORD = "release.json"
ASIDE = ".new-"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What `release.json` holds. `id` is the start of `address`; `files` maps paths to digests of their content.

    `uncompiled` are sources that are not valid Python; `commit` and `dirty` are None where git knew nothing.
    """

    function: str
    id: str
    address: str
    created_at: datetime
    files: dict[str, str]
    lock: str | None
    pins: tuple[str, ...]
    python: str
    uncompiled: tuple[str, ...] = ()
    commit: str | None = None
    dirty: bool | None = None


class Release(Record, frozen=True, kw_only=True):
    """A release on disk: `folder` is what a worker has first on its path."""

    folder: Path


class Store:
    """Releases of all functions below one folder, which comes into being with the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Functions that have a release, sorted."""
        names = (path.name for path in _folders(self.folder))
        return tuple(sorted(name for name in names if any(_folders(self.folder / name))))

    def list(self, name: str) -> tuple[Release, ...]:
        """Releases of a function, newest first; those whose record cannot be read are left out."""
        found = (_load(path) for path in _folders(self.folder / checked_name(name)))
        return tuple(sorted(filter(None, found), key=lambda release: (release.created_at, release.id), reverse=True))

    def get(self, name: str, prefix: str) -> Release:
        """The one release whose id begins with `prefix`; raises UnknownReleaseError that lists what there is."""
        releases = self.list(name)
        matches = [release for release in releases if prefix and release.id.startswith(prefix)]
        if len(matches) == 1:
            return matches[0]
        listed = ", ".join(release.id for release in matches or releases) or "none"
        problem = "is not unique" if matches else "is not there"
        raise UnknownReleaseError(f"release {prefix!r} of {name} {problem}; there are: {listed}")

    def verify(self, release: Release) -> tuple[str, ...]:
        """What is wrong with a release, a sentence each; empty when every byte is as it was written."""
        problems = list(_source_problems(release)) + list(_bytecode_problems(release))
        if (found := _load(release.folder)) != release:
            problems.append(f"{RECORD} is {'unreadable' if found is None else 'altered'}")
        expected = {RECORD, *release.files, *_bytecode_files(release)}
        problems += [f"{path} does not belong to it" for path in sorted(_paths(release.folder) - expected)]
        return tuple(problems)

    def sources_intact(self, release: Release) -> bool:
        """Whether all but the byte-code, which can be compiled again, is as it was."""
        return not any(_source_problems(release))

    def collect(self, name: str, keep: int, protected: Collection[str] = ()) -> tuple[str, ...]:
        """Remove all releases but the `keep` newest and those of the protected ids; returns the ids removed.

        Raises OSError; a release disappears as a whole, whatever happens.
        """
        with self.locked():
            old = [release for release in self.list(name)[max(keep, 0) :] if release.id not in protected]
            for release in old:
                release.folder.rename(release.folder.with_name(f"{ASIDE}{release.id}"))
            self._sweep()
            drop_unused(self.bytecode)
        return tuple(release.id for release in old)

    @property
    def bytecode(self) -> Path:
        """Where compiled sources are kept, a folder for each Python."""
        return self.folder / ".bytecode"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only writer, of all processes, and clear away what killed ones left; raises OSError.

        The kernel lets go of the lock when its holder dies. Readers need none.
        """
        durable.make_folder(self.folder)
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._sweep()
            yield
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        for folder in _folders(self.folder):
            durable.remove([path for path in folder.iterdir() if path.name.startswith(ASIDE)])


def source_files(release: Release) -> Iterator[tuple[str, bytes | None]]:
    """Each file of a release with its content; None when it is gone or not a plain file."""
    for path in release.files:
        yield path, _read(release.folder / path)


def _source_problems(release: Release) -> Iterator[str]:
    full = address(release.files, release.lock, release.python)
    if (release.id, release.address) != (short(full), full):
        yield "the id is not that of its files"
    for path, content in source_files(release):
        if content is None:
            yield f"{path} is missing"
        elif digest(content) != release.files[path]:
            yield f"{path} is altered"


def _bytecode_problems(release: Release) -> Iterator[str]:
    for path, source in _bytecode_files(release).items():
        content = _read(release.folder / path)
        if content is None:
            yield f"{path} is missing"
        elif not is_intact(content, release.files[source]):
            yield f"{path} is altered"


def _bytecode_files(release: Release) -> dict[str, str]:
    sources = (path for path in release.files if path.endswith(".py") and path not in release.uncompiled)
    return {bytecode_path(path, release.python): path for path in sources}


def _paths(folder: Path) -> set[str]:
    start = len(str(folder)) + 1
    return {f"{at}/{name}"[start:] for at, _, names in os.walk(folder) for name in names}


def _read(path: Path) -> bytes | None:
    try:
        # A link could change its target, a pipe would block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return None


def _folders(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        yield from (Path(e.path) for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False))


def _load(folder: Path) -> Release | None:
    try:
        record = msgspec.json.decode(_read(folder / RECORD) or b"", type=Record)
    except msgspec.DecodeError:
        return None
    if (record.function, record.id) != (folder.parent.name, folder.name):
        return None
    return Release(**msgspec.structs.asdict(record), folder=folder)
