"""A delegated part of this machine's cgroup v2 hierarchy, as systemd hands one to a service."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ops.host import cgroup

# A host that enters the hierarchy before it looks for it. Without the controllers it does all but bound.
ENTERING = """
import os
from pathlib import Path
from ops.host import cgroup

base = Path(os.environ["CGROUP"])
leaf = base / cgroup.LEAF  # where an earlier host has moved all to
(leaf if leaf.exists() else base).joinpath("cgroup.procs").write_text("0")
if not {*cgroup.CONTROLLERS} <= {*base.joinpath("cgroup.controllers").read_text().split()}:
    cgroup.CONTROLLERS = ()
    cgroup.OPTIONAL = frozenset({"memory.max", "memory.swap.max", "memory.oom.group", "pids.max"})
from ops.host.__main__ import main

main()
"""


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """Where the hierarchy is mounted; raises CalledProcessError where it cannot be."""
    found = cgroup.mount_point(Path("/proc/self/mountinfo").read_text())
    if found is not None:
        yield found
        return
    subprocess.run(["mount", "-t", "cgroup2", "none", str(folder)], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def delegated(mount: Path) -> Iterator[Path]:
    """A cgroup that belongs to a host, with the controllers that there are; raises OSError where none may be made."""
    for name in cgroup.CONTROLLERS:
        with contextlib.suppress(OSError):  # not offered, or held by version 1
            (mount / "cgroup.subtree_control").write_text(f"+{name}")
    base = mount / f"cutting-edge-{os.getpid()}"
    base.mkdir()
    try:
        os.setxattr(base, "trusted.delegate", b"1")
        yield base
    finally:
        remove(base)


def remove(base: Path) -> None:
    """With all that is below it, once those that ended have left it."""
    deadline = time.monotonic() + 10
    while base.exists():
        for folder in (*[path for path in base.iterdir() if path.is_dir()], base):
            with contextlib.suppress(OSError):
                folder.rmdir()
        assert time.monotonic() < deadline, [path.name for path in base.iterdir() if path.is_dir()]
        time.sleep(0.05)
