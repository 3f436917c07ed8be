"""The git commit that a release was made from, when git knows."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_TIMEOUT_S = 5.0


class Revision(NamedTuple):
    """`dirty`: one of the release's files is not as it is in the commit."""

    commit: str
    dirty: bool


def revision_of(root: Path, paths: Iterable[str]) -> Revision | None:
    """The commit a tree stands at, and whether any of `paths` differs from it; None without git or a commit."""
    # Neither the caller's repository (in a hook) nor a lock on the index: an operator may be committing meanwhile.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1"}
    options = ["--porcelain=v2", "--branch", "--untracked-files=all", "--ignored=traditional"]
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(root), "status", *options, "--", *paths]
    try:
        run = subprocess.run(command, env=environ, capture_output=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = run.stdout.decode("utf-8", "replace").splitlines()
    oid = next((line.removeprefix("# branch.oid ") for line in lines if line.startswith("# branch.oid ")), "")
    if not oid or oid == "(initial)":
        return None
    return Revision(oid, any(not line.startswith("#") for line in lines))
