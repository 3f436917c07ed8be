"""Can other accounts of this machine, or readers of the repository, see what is secret?"""

import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok

FOLDERS = ("logs", "journal", "releases", "cache/answers", "cache/vectors", "postgres/data")
SOCKETS = ("host.sock", "supervisor.sock")
OTHERS = stat.S_IRWXG | stat.S_IRWXO
SECRET_FILE = re.compile(
    r"(^|/)(\.env(\.(?!example$|sample$).*)?|[^/]+\.env|id_(rsa|ed25519|ecdsa)|[^/]+\.(key|p12|pfx))$"
)


def examine(box: Box) -> Iterator[Finding]:
    """Look at modes of files, and at the names of what is in git."""
    private = [box.folders.home / name for name in FOLDERS] + [box.folders.run / name for name in SOCKETS]
    private += [box.settings.tls_key] if box.settings.tls_key is not None else []
    private += [path for folder in (box.root, box.folders.home) for path in _settings_files(folder)]
    found = list(_open_to_others(private))
    for path in found:
        yield fault(f"other accounts may use {path}", f"chmod go= {path}")
    committed = [name for name in _tracked(box.root) if SECRET_FILE.search(name) and not name.startswith("tests/")]
    for name in committed:
        yield fault(f"{name} is in git", f"change what it held, then `git rm --cached {name}`")
    if not found and not committed:
        yield ok("state, sockets and files of settings are this user's alone, and none is in git")


def _open_to_others(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.exists() and path.stat().st_mode & OTHERS:
            yield path


def _settings_files(folder: Path) -> Iterator[Path]:
    yield from (path for pattern in (".env", ".env.*", "*.env") for path in folder.glob(pattern) if path.is_file())


def _tracked(root: Path) -> list[str]:
    """The names of all files in git, none where there is no repository."""
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return []
    return done.stdout.split("\0") if done.returncode == 0 else []
