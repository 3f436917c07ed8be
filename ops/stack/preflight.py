"""What can be known to fail before anything is started, each with what to do about it."""

import os
import shutil
import sys
from pathlib import Path

from ops.stack.instance import InstanceError

FREE_BYTES = 300 * 1024 * 1024  # a fresh database takes 60 MB, its write-ahead log up to 200


def check_disk(home: Path) -> None:
    """Raise InstanceError when the file system of `home` is nearly full."""
    free = shutil.disk_usage(home).free
    if free < FREE_BYTES:
        raise InstanceError(
            f"only {free >> 20} MiB are free where {home} lies, {FREE_BYTES >> 20} are needed: "
            "free some space, or set EDGE_HOME to a folder on another disk"
        )


def check_platform() -> None:
    """Raise InstanceError where the parts of the stack cannot run."""
    if sys.platform != "linux":
        raise InstanceError(
            f"Linux is needed (this is {sys.platform}): its death signals and pidfds keep parts together"
        )
    if not hasattr(os, "pidfd_open"):
        raise InstanceError("a kernel with pidfd_open is needed: Linux 5.3 or newer")
