"""Where the state of one instance lies; imports nothing heavy, since every command needs it."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any


class Folders:
    """Paths below one EDGE_HOME. `run` may lie elsewhere; `home/run` is then a symlink to it."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.logs = self.home / "logs"
        self.postgres = self.home / "postgres"
        self.releases = self.home / "releases"
        self.journal = self.home / "journal"
        self.state = self.home / "state.json"

    @property
    def run(self) -> Path:
        """The folder of sockets, without the symlink: its path goes into sockets' addresses.

        One link is followed and no other: what a stranger puts where it leads is not our folder.
        """
        run = self.home.resolve() / "run"
        return run.parent / run.readlink() if run.is_symlink() else run

    def owner_pid(self) -> int | None:
        """The pid of the process that holds the lock, None when nobody does."""
        try:
            fd = os.open(self.home / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            # Shared: two that look at once are not taken for an owner by each other.
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.read(fd, 32) or 0) or None
        finally:
            os.close(fd)
        return None

    def told(self) -> dict[str, Any] | None:
        """What the stack that runs here last told of itself; None before it serves, and when none runs."""
        try:
            told: dict[str, Any] = json.loads(self.state.read_bytes())
        except (FileNotFoundError, ValueError):  # a power cut may leave it empty
            return None
        # One that was killed leaves its file behind.
        owner = self.owner_pid()
        return told if owner is not None and told.get("pid") == owner else None
