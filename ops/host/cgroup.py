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
LEAF = "host"
DELEGATED = ("user.delegate", "trusted.delegate")
Write = tuple[Path, str]


def own_path(listing: str) -> str | None:
    """The path of this process in the v2 hierarchy, of what /proc/self/cgroup lists; None without one."""
    return next((line.removeprefix("0::") for line in listing.splitlines() if line.startswith("0::/")), None)


def setup(base: Path, pids: list[int]) -> list[Write]:
    """Move the processes of `base` to a leaf, since a cgroup with limits below it may hold none; open the limits."""
    leaf = base / LEAF / "cgroup.procs"
    enabled = " ".join(f"+{name}" for name in CONTROLLERS)
    return [*((leaf, str(pid)) for pid in pids), (base / "cgroup.subtree_control", enabled)]


def limits(folder: Path, memory_mib: int) -> list[Write]:
    """The limits of one worker and of all that it starts: they go together when memory runs out."""
    return [
        (folder / "memory.max", str(int(memory_mib * HARD_SHARE * MIB))),
        (folder / "memory.swap.max", "0"),
        (folder / "memory.oom.group", "1"),
        (folder / "pids.max", str(MOST_TASKS)),
    ]


def apply(writes: list[Write]) -> None:
    """Write one after another; raises OSError. A file that this kernel does not have (swap) is passed over."""
    for path, text in writes:
        try:
            path.write_text(text)
        except FileNotFoundError:
            if path.name != "memory.swap.max":
                raise
        except OSError as error:
            if error.errno != errno.ESRCH:  # a process that has ended meanwhile
                raise


class Cgroups:
    """The hierarchy below `base`, which is the host's."""

    def __init__(self, base: Path) -> None:
        self._base = base

    @classmethod
    def find(cls, listing: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")) -> Self | None:
        """The delegated hierarchy that this process is in, ready for limits; None where there is none."""
        try:
            path = own_path(listing.read_text())
            if path is None:
                return None
            here = mount / path.lstrip("/")
            base = here.parent if here.name == LEAF else here  # an earlier host has moved us
            if not is_delegated(base):
                return None
            (base / LEAF).mkdir(exist_ok=True)
            apply(setup(base, [int(pid) for pid in (base / "cgroup.procs").read_text().split()]))
        except OSError:
            return None
        return cls(base)

    def make(self, name: str) -> "Cgroup":
        """A cgroup for one worker; raises OSError. Those of workers that ended are removed."""
        for old in self._base.iterdir():
            if old.is_dir() and old.name != LEAF:
                with suppress(OSError):  # in use
                    old.rmdir()
        folder = self._base / name
        folder.mkdir(exist_ok=True)
        return Cgroup(folder)


class Cgroup:
    """One worker's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def entrance(self) -> str:
        """The file by which a process that writes 0 to it enters."""
        return str(self.folder / "cgroup.procs")

    def limit(self, memory_mib: int) -> None:
        """Set the limits; raises OSError."""
        apply(limits(self.folder, memory_mib))

    def end(self) -> None:
        """Kill whatever is in it, and remove it."""
        with suppress(OSError):
            (self.folder / "cgroup.kill").write_text("1")
        with suppress(OSError):
            self.folder.rmdir()


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
