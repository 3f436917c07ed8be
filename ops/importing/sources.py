"""The files of an import: those that were named, and those below folders that were named."""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ops.reading.__main__ import ROWS, WHOLE

FORMATS = frozenset({*ROWS, *WHOLE})
NAME_BYTES = 2000


class Source(msgspec.Struct, frozen=True):
    """A file: `name` is its absolute path as text, `shown` what visitors may see of it."""

    path: Path
    name: str
    shown: str

    @property
    def of_rows(self) -> bool:
        """Whether its rows are documents."""
        return self.path.suffix.lower() in ROWS

    @property
    def size_bytes(self) -> int:
        """How large it is; 0 when it is gone."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0


class Skipped(msgspec.Struct, frozen=True):
    """A file or folder that is not read, and why."""

    name: str
    reason: str


def find(given: Sequence[Path]) -> Iterator[Source | Skipped]:
    """The files in a stable order, each once. In folders only those of a known format count; links are not followed."""
    met: set[str] = set()
    for found in _found(given):
        if found.name not in met:
            met.add(found.name)
            yield found


def _found(given: Sequence[Path]) -> Iterator[Source | Skipped]:
    for path in given:
        top = absolute(path)
        try:
            is_folder = stat.S_ISDIR(top.stat().st_mode)
        except OSError as error:
            yield _away(top, error)
            continue
        if is_folder:
            for below in _below(top):
                yield below if isinstance(below, Skipped) else _judged(below, below.relative_to(top))
        elif top.suffix.lower() not in FORMATS:
            yield Skipped(text_of(top), f"not one of {', '.join(sorted(FORMATS))}")
        else:
            yield _judged(top, Path(top.name), named=True)


def absolute(path: Path) -> Path:
    """The path from the root, its links not resolved: a link may be the name that lasts."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def text_of(path: Path) -> str:
    """A path as text that a database takes, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _below(top: Path) -> Iterator[Path | Skipped]:
    away: list[Skipped] = []
    for folder, folders, files in os.walk(top, onerror=lambda error: away.append(_away(top, error))):
        yield from away
        away.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if path.suffix.lower() in FORMATS and not name.startswith((".", "~$")):
                yield path
    yield from away


def _away(path: Path, error: OSError) -> Skipped:
    """What cannot be looked at: nobody knows whether anything is there."""
    where = path if error.filename is None else Path(os.fsdecode(error.filename))
    reason = "no such file" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
    return Skipped(text_of(where), reason)


def _judged(path: Path, shown: Path, *, named: bool = False) -> Source | Skipped:
    name = text_of(path)
    if os.path.islink(path) and not named:  # noqa: PTH114 - a path that cannot be looked at is its reader's to refuse
        # It may lead anywhere: an import that runs as root must not be talked into reading what others may not.
        return Skipped(name, "a symbolic link: name it on the command line to import it")
    if len(name.encode()) > NAME_BYTES:
        return Skipped(name, f"its path has more than {NAME_BYTES} bytes")
    return Source(path, name, text_of(shown))


def unread(given: Sequence[Path]) -> Counter[str]:
    """How many files below the folders are of no format that is known, by their endings; hidden ones do not count."""
    found: set[Path] = set()
    for top in map(absolute, given):
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found.update(Path(folder, name) for name in files if not name.startswith((".", "~$")))
    endings = Counter(path.suffix.lower() for path in found)
    return Counter({ending: count for ending, count in endings.items() if ending not in FORMATS})
