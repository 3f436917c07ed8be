"""Limits that the kernel holds: a cgroup v2 for each worker, where a hierarchy is delegated to the host.

What is written is made by functions that return it, and applied in one place (cgroups(7); Documentation/admin-guide/
cgroup-v2.rst; systemd's CGROUP_DELEGATION.md).
"""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

MIB = 1 << 20
CONTROLLERS = ("memory", "pids")
# The host replaces a worker that is past its limit without losing a request; the kernel kills what outruns that.
HARD_SHARE = 1.25
# Threads count as well: Granian's, and those of asyncio's executor.
MOST_TASKS = 128
# Files that a kernel may lack; one that is not there cannot be written (EACCES).
OPTIONAL = frozenset({"memory.swap.max"})
LEAF = "host"
DELEGATED = ("user.delegate", "trusted.delegate")
Write = tuple[Path, str]


def own_path(listing: str) -> str | None:
    """The path of this process in the v2 hierarchy, of what /proc/self/cgroup lists; None without one."""
    return next((line.removeprefix("0::") for line in listing.splitlines() if line.startswith("0::/")), None)


def mount_point(mountinfo: str) -> Path | None:
    """Where the v2 hierarchy is mounted, of what /proc/self/mountinfo lists (proc(5)); None without one."""
    for line in mountinfo.splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            return Path(fields.split()[4])
    return None


def setup(base: Path, pids: list[int]) -> list[Write]:
    """Move the processes of `base` to a leaf, since a cgroup with limits below it may hold none; open the limits."""
    leaf = base / LEAF / "cgroup.procs"
    enabled = " ".join(f"+{name}" for name in CONTROLLERS)
    return [*((leaf, str(pid)) for pid in pids), (base / "cgroup.subtree_control", enabled)]


def bounds_of_number(folder: Path) -> list[Write]:
    """How many a worker and all that it starts may be: known before anything of a release runs."""
    return [(folder / "pids.max", str(MOST_TASKS))]


def bounds_of_memory(folder: Path, memory_mib: int) -> list[Write]:
    """The memory of one worker and of all that it starts: they go together when it runs out."""
    return [
        (folder / "memory.max", str(int(memory_mib * HARD_SHARE * MIB))),
        (folder / "memory.swap.max", "0"),
        (folder / "memory.oom.group", "1"),
    ]


def apply(writes: list[Write]) -> None:
    """Write one after another; raises OSError. An optional file that this kernel does not have is passed over."""
    for path, text in writes:
        if path.name in OPTIONAL and not path.exists():
            continue
        try:
            path.write_text(text)
        except OSError as error:
            if error.errno != errno.ESRCH:  # a process that has ended meanwhile
                raise


class Cgroup:
    """One worker's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.has_ended = False

    @property
    def entrance(self) -> str:
        """The file by which a process that writes 0 to it enters."""
        return str(self.folder / "cgroup.procs")

    def limit(self, memory_mib: int) -> None:
        """Bound its memory; raises OSError."""
        apply(bounds_of_memory(self.folder, memory_mib))

    def end(self) -> None:
        """Kill whatever is in it, and remove it, or have it removed with the next one that is made."""
        self.has_ended = True
        with suppress(OSError):
            (self.folder / "cgroup.kill").write_text("1")
        self.remove()

    def remove(self) -> bool:
        """Whether it is gone: what was killed in it takes a moment to end."""
        with suppress(FileNotFoundError):
            try:
                self.folder.rmdir()
            except OSError:
                return False
        return True


class Cgroups:
    """The hierarchy below `base`, which is the host's."""

    def __init__(self, base: Path, mount: Path) -> None:
        self._base = base
        self._mount = mount
        self._own: list[Cgroup] = []

    @classmethod
    def find(
        cls, listing: Path = Path("/proc/self/cgroup"), mountinfo: Path = Path("/proc/self/mountinfo")
    ) -> Self | None:
        """The delegated hierarchy that this process is in, ready for limits; None where there is none."""
        try:
            path, mount = own_path(listing.read_text()), mount_point(mountinfo.read_text())
            if path is None or mount is None:
                return None
            here = mount / path.lstrip("/")
            base = here.parent if here.name == LEAF else here  # an earlier host has moved us
            if not is_delegated(base):
                return None
            (base / LEAF).mkdir(exist_ok=True)
            apply(setup(base, [int(pid) for pid in (base / "cgroup.procs").read_text().split()]))
        except OSError:
            return None
        return cls(base, mount)

    def make(self, name: str) -> Cgroup:
        """A cgroup for one worker, bounded in number; raises OSError."""
        self._own = [one for one in self._own if not (one.has_ended and one.remove())]
        cgroup = Cgroup(self._base / name)
        cgroup.folder.mkdir(exist_ok=True)
        try:
            apply(bounds_of_number(cgroup.folder))
        except OSError:
            cgroup.remove()
            raise
        self._own.append(cgroup)
        return cgroup

    def of(self, pid: int) -> Cgroup | None:
        """The one that a worker of an earlier host is in."""
        with suppress(OSError):
            path = own_path(Path(f"/proc/{pid}/cgroup").read_text())
            folder = self._mount / (path or "").lstrip("/")
            if folder.parent == self._base and folder.name != LEAF:
                self._own.append(Cgroup(folder))
                return self._own[-1]
        return None

    def sweep(self) -> None:
        """End what earlier hosts left: none of them may be running, and their workers that serve were asked for."""
        own = {cgroup.folder for cgroup in self._own}
        with suppress(OSError):
            for folder in self._base.iterdir():
                if folder.is_dir() and folder.name != LEAF and folder not in own:
                    self._own.append(Cgroup(folder))
                    self._own[-1].end()


def is_delegated(base: Path) -> bool:
    """Whether `base` has the controllers and is ours: an ordinary user may write to it, root is told so by systemd."""
    try:
        offered = (base / "cgroup.controllers").read_text().split()
    except OSError:
        return False
    if not {*CONTROLLERS} <= {*offered} or not os.access(base / "cgroup.procs", os.W_OK):
        return False
    return os.geteuid() != 0 or any(_attribute(base, name) == b"1" for name in DELEGATED)


def _attribute(path: Path, name: str) -> bytes:
    with suppress(OSError):
        return os.getxattr(path, name)
    return b""
