"""Where a collection is loaded to: a PostgreSQL of its own, which no function and no shop can reach.

One data folder a collection below EDGE_HOME/eval, kept while corpus, model and code are the same.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from core.db.migrate import migrate
from core.settings import Settings
from ops.stack.postgres import EmbeddedPostgres

KEPT = 6
# Loading need not survive a power cut: what is not complete is made anew.
PARAMETERS = {"synchronous_commit": "off", "shared_buffers": "256MB", "max_wal_size": "2GB"}
CACHE_MIB = 2048


def folder_of(settings: Settings) -> Path:
    """All that measuring leaves behind; may be removed at any time."""
    return settings.home / "eval"


class Scratch:
    """One scratch database while its server runs; `ready` tells that everything is in it."""

    def __init__(self, home: Path, settings: Settings) -> None:
        self._done = home / "complete"
        self.settings = settings

    @property
    def ready(self) -> bool:
        """Whether an earlier run loaded everything."""
        return self._done.exists()

    @property
    def owner_dsn(self) -> str:
        """For building indexes."""
        assert self.settings.database_url is not None
        return self.settings.database_url

    def complete(self) -> None:
        """Everything is in it."""
        self._done.touch()


@contextmanager
def scratch(settings: Settings, key: str) -> Iterator[Scratch]:
    """The database of this key, empty or complete; waits for another run with the same key to end."""
    home = folder_of(settings) / key
    with ExitStack() as stack:
        stack.enter_context(_alone(home.with_suffix(".lock")))
        if home.exists() and not (home / "complete").exists():
            shutil.rmtree(home)
        home.mkdir(parents=True, exist_ok=True)
        os.utime(home)
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-eval-", dir="/tmp")))
        sockets.chmod(0o711)
        server = EmbeddedPostgres(home / "postgres", sockets / "pg", parameters=PARAMETERS)
        stack.callback(server.stop)
        server.prepare()
        server.start()
        server.wait_ready()
        migrate(server.owner_dsn)
        own = {"database_url": server.owner_dsn, "database_app_url": server.app_dsn, "database_timeout_s": 60.0}
        yield Scratch(home, msgspec.structs.replace(settings, **own))


def forget_old(settings: Settings) -> None:
    """Remove all but the KEPT databases that were used last; those in use are never among the others."""
    homes = [path for path in folder_of(settings).iterdir() if (path / "postgres").is_dir()]
    for home in sorted(homes, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
        with _alone(home.with_suffix(".lock"), wait=False) as mine:
            if mine:
                shutil.rmtree(home)
                home.with_suffix(".lock").unlink()


@contextmanager
def _alone(path: Path, *, wait: bool = True) -> Iterator[bool]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
