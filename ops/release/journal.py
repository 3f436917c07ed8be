"""What happened to each function's releases: append-only lines of JSON, from which a restarted host resumes."""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec

from ops.release.durable import make_folder, sync
from ops.release.errors import JournalError, can_be_name, checked_name

_SUM = re.compile(rb',"sum":"([0-9a-f]{8})"}$')
LIMIT = 1000
KEPT = 200
TELLING = frozenset({"active", "failed", "collected"})
STANDING_KEPT = 20  # releases to go back to that are remembered however long ago they were active


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event. `release` and `previous` are ids, `step` and `reason` say where and why something failed.

    Events that answers depend on: `active`, `failed`, `collected`, `removed`; all others are for people to read.
    """

    at: datetime
    event: str
    by: str
    release: str | None = None
    previous: str | None = None
    step: str | None = None
    reason: str | None = None


class Damage(NamedTuple):
    """How many lines cannot be read, and whether one of them may have named another active release."""

    lines: int
    hides_active: bool


def entry_of(event: str, *, by: str, **fields: str | None) -> Entry:
    """An entry of now."""
    if (reason := fields.get("reason")) is not None:  # the last lines of a log may hold anything
        fields["reason"] = reason.encode("utf-8", "replace").decode()
    return Entry(at=datetime.now(UTC), event=event, by=by, **fields)


class Journal:
    """One file a function, `FOLDER/NAME.jsonl`; writers take turns, readers need no lock.

    A line without its end was never acknowledged: it is not read, and the next append removes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, name: str, event: str, *, by: str, **fields: str | None) -> Entry:
        """Record an event with `fields` of Entry, on the disk when this returns.

        Raises JournalError, with the journal as it was.
        """
        (entry,) = self.append_all(name, [entry_of(event, by=by, **fields)])
        return entry

    def append_all(self, name: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Record events that belong together, all or none; raises JournalError, with the journal as it was."""
        path = self._path(name)
        try:
            with self._writing():
                _append(path, b"".join(_line(entry) for entry in entries))
                with contextlib.suppress(OSError):  # the entries stand; the next append tries again
                    _compact(path)
        except OSError as error:
            raise JournalError(f"the journal of {name} cannot be written: {error}") from error
        return entries

    def damage(self, name: str) -> Damage:
        """What of the journal cannot be read."""
        return _damage(_read_lines(self._path(name)))

    def entries(self, name: str) -> tuple[Entry, ...]:
        """All events that are kept, oldest first; lines that are damaged are left out."""
        return tuple(_read(self._path(name)))

    def active(self, name: str) -> str | None:
        """The release that became active last; None when the function was removed since."""
        return active_in(self.entries(name))

    def is_removed(self, name: str) -> bool:
        """Whether the function was taken away, and not deployed since."""
        return removed_in(self.entries(name))

    def previous(self, name: str) -> str | None:
        """The release to go back to: active before the active one, and neither failed nor collected since."""
        return previous_in(self.entries(name))

    def standing(self, name: str) -> tuple[str, ...]:
        """Releases that were active and neither failed nor were collected since, the last active first."""
        return standing_in(self.entries(name))

    def names(self) -> tuple[str, ...]:
        """Functions with a journal, sorted."""
        return tuple(sorted(path.stem for path in self._folder.glob("[!.]*.jsonl") if can_be_name(path.stem)))

    def strays(self) -> tuple[str, ...]:
        """Files that lie among the journals and are none, such as a copy that somebody made; sorted."""
        found = (path for path in self._folder.glob("[!.]*"))
        return tuple(sorted(path.name for path in found if path.suffix != ".jsonl" or not can_be_name(path.stem)))

    def _path(self, name: str) -> Path:
        return self._folder / f"{checked_name(name)}.jsonl"

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        make_folder(self._folder)
        descriptor = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _append(path: Path, line: bytes) -> None:
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end = _end_of_last_line(descriptor)
        os.ftruncate(descriptor, end)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.pwrite(descriptor, rest, end + len(line) - len(rest)) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, end)  # a full disk took a part of the line
            raise
    finally:
        os.close(descriptor)
    if is_new:
        sync(path.parent)


def _end_of_last_line(descriptor: int) -> int:
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    return content.rfind(b"\n") + 1


def _line(entry: Entry) -> bytes:
    """An entry as it is written: its JSON with a checksum as the last field."""
    body = msgspec.json.encode(entry)
    return b'%s,"sum":"%08x"}\n' % (body[:-1], crc32(body))


def _entry(line: bytes) -> Entry | None:
    """What a line says; None for a damaged one. Lines of earlier versions have no checksum."""
    if (found := _SUM.search(line)) is not None:
        line = line[: found.start()] + b"}"
        if crc32(line) != int(found[1], 16):
            return None
    try:
        return msgspec.json.decode(line, type=Entry)
    except msgspec.DecodeError:
        return None


def _read_lines(path: Path) -> list[Entry | None]:
    """An entry for each line, None for a damaged one."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return [_entry(line) for line in content[: content.rfind(b"\n") + 1].split(b"\n")[:-1]]


def _read(path: Path) -> Iterator[Entry]:
    return filter(None, _read_lines(path))


def _damage(lines: Sequence[Entry | None]) -> Damage:
    told = [at for at, entry in enumerate(lines) if entry is not None and entry.event in {"active", "removed"}]
    damaged = [at for at, entry in enumerate(lines) if entry is None]
    return Damage(len(damaged), bool(damaged) and damaged[-1] > max(told, default=-1))


def _compact(path: Path) -> None:
    entries = list(_read(path))
    if len(entries) <= LIMIT:
        return
    aside = path.with_name(f".{path.name}.new")
    aside.write_bytes(b"".join(_line(entry) for entry in compacted(entries)))
    aside.chmod(0o600)
    sync(aside)
    aside.replace(path)
    sync(path.parent)


def active_in(entries: Sequence[Entry]) -> str | None:
    """As `Journal.active`, of entries in order."""
    if removed_in(entries):
        return None
    return next((entry.release for entry in reversed(entries) if entry.event == "active"), None)


def removed_in(entries: Sequence[Entry]) -> bool:
    """As `Journal.is_removed`, of entries in order."""
    return next((entry.event for entry in reversed(entries) if entry.event in {"active", "removed"}), "") == "removed"


def previous_in(entries: Sequence[Entry]) -> str | None:
    """As `Journal.previous`, of entries in order."""
    active = active_in(entries)
    return next((release for release in standing_in(entries) if release != active), None)


def standing_in(entries: Sequence[Entry]) -> tuple[str, ...]:
    """As `Journal.standing`, of entries in order."""
    told: set[str] = set()
    found = []
    for entry in reversed(entries):
        if entry.release is not None and entry.event in TELLING:
            if entry.event == "active" and entry.release not in told:
                found.append(entry.release)
            told.add(entry.release)
    return tuple(found)


def compacted(entries: Sequence[Entry], kept: int = KEPT, standing_kept: int = STANDING_KEPT) -> list[Entry]:
    """The newest entries, and those older ones without which the answers above would change."""
    wanted = {active_in(entries), *standing_in(entries)[:standing_kept]}
    last = {
        (entry.release, entry.event == "active"): at
        for at, entry in enumerate(entries)
        if entry.event in TELLING and entry.release in wanted
    }
    needed = {*last.values(), *[at for at, entry in enumerate(entries) if entry.event == "removed"][-1:]}
    return [entry for at, entry in enumerate(entries) if at in needed or at >= len(entries) - kept]
