"""Workers leave a file each in the run folder, so that a host that comes after a killed one finds those that serve."""

import os
from pathlib import Path

import msgspec

from ops.host.gauges import Gauges


class Record(msgspec.Struct, frozen=True):
    """A living worker of an earlier host; `path` is its gauges file."""

    name: str
    generation: int
    pid: int
    path: Path


def path_of(folder: Path, name: str, generation: int, pid: int) -> Path:
    """Where a worker's gauges lie."""
    return folder / f"{name}.{generation}.{pid}"


def leave(folder: Path, name: str, generation: int) -> Gauges:
    """Record this process and return its gauges; a worker does this before anything else."""
    pid = os.getpid()
    return Gauges.create(path_of(folder, name, generation, pid), _started_ticks(pid))


def living(folder: Path) -> list[Record]:
    """The recorded workers that still run; files of others are removed."""
    found: list[Record] = []
    for path in folder.glob("[!.]*") if folder.is_dir() else ():
        name, *numbers = path.name.rsplit(".", 2)
        if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):  # noqa: PLR2004
            continue  # none of ours
        generation, pid = map(int, numbers)
        if runs(path, pid):
            found.append(Record(name, generation, pid, path))
        else:
            path.unlink(missing_ok=True)
    return found


def runs(path: Path, pid: int) -> bool:
    """Whether the worker that left this record runs, and no other process with its pid."""
    try:
        gauges = Gauges(path)
        try:
            return gauges.started_ticks == _started_ticks(pid)
        finally:
            gauges.close()
    except (OSError, ValueError):
        return False


def _started_ticks(pid: int) -> int:
    """Field 22 of /proc/PID/stat (proc(5)): clock ticks after boot; zombies count as ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    if fields[0] == "Z":
        raise ProcessLookupError(pid)
    return int(fields[19])
