"""One instance: the folders below EDGE_HOME, and a run folder whose path is short enough for Unix sockets."""

import fcntl
import hashlib
import os
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path

from ops.lifeline import Account
from ops.stack.folders import Folders
from ops.stack.postgres import SOCKET_PATH_BYTES

# What stands below the run folder: `conversations.123456.sock`, `postgres/.s.PGSQL.5432`.
LONGEST_NAME_BYTES = 30
LOCK_PATIENCE_S = 1.0
POLL_S = 0.01


class InstanceError(Exception):
    """The instance cannot start as things are; the message says what to do."""


class Instance(Folders):
    """The folders of one EDGE_HOME as their one owner makes, locks and leaves them."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._lock_fd: int | None = None

    def prepare(self, account: Account | None) -> None:
        """Make the folders. `account` is whom servers drop to: it must be able to enter the run folder.

        Raises InstanceError when they cannot be made.
        """
        try:
            for folder in (self.home, self.postgres):
                folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            for folder in (self.logs, self.releases, self.journal):
                folder.mkdir(mode=0o700, exist_ok=True)
            self._prepare_run(account)
        except OSError as error:
            raise InstanceError(f"{self.home} cannot be used: {error}; set EDGE_HOME to a folder of yours") from error

    @property
    def is_locked(self) -> bool:
        """Whether this process runs the instance."""
        return self._lock_fd is not None

    def lock(self) -> None:
        """Be the only one that runs this instance; raises InstanceError with the pid of who already does."""
        fd = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(fd)
        except BlockingIOError as error:
            owner = os.read(fd, 32).decode() or "unknown"
            os.close(fd)
            raise InstanceError(
                f"{self.home} is already in use (pid {owner}): `make down` stops it, "
                "EDGE_HOME and EDGE_PORT start another one beside it"
            ) from error
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        self._lock_fd = fd

    def close(self) -> None:
        """Remove a run folder that lies outside of EDGE_HOME, when this process ran the instance; let the lock go."""
        link, short = self.home / "run", _short_folder(self.home)
        if self.is_locked and link.is_symlink() and link.readlink() == short and _is_ours(short):
            shutil.rmtree(short, ignore_errors=True)
            link.unlink()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _prepare_run(self, account: Account | None) -> None:
        link = self.home / "run"
        if not link.is_symlink():
            link.mkdir(mode=0o711, exist_ok=True)
            if _fits(link) and may_enter(account, link):
                return
            short = _short_folder(self.home)
            _own(short)
            link.rmdir()
            link.symlink_to(short)
        _own(self.run)


def _lock(fd: int) -> None:
    # Whoever looks for the owner holds the lock for a moment, shared (`Folders.owner_pid`).
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)
        else:
            return


def may_enter(account: Account | None, folder: Path) -> bool:
    """Whether `account` (None: this user) may enter `folder`, asked of the kernel in a process of its own."""
    if account is None:
        return os.access(folder, os.X_OK)
    pid = os.fork()
    if pid == 0:
        allowed = False
        try:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
            allowed = os.access(folder, os.X_OK)
        finally:
            os._exit(0 if allowed else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder)) + 1 + LONGEST_NAME_BYTES <= SOCKET_PATH_BYTES


def _short_folder(home: Path) -> Path:
    """A name that the same EDGE_HOME always gets, in a folder that everybody may enter.

    Root takes one where nobody else may put anything; an ordinary user has none that serves the servers' accounts too.
    """
    digest = hashlib.blake2b(os.fsencode(home), digest_size=6).hexdigest()
    if os.geteuid() == 0 and os.access("/run", os.W_OK):
        return Path("/run") / f"edge-{digest}"
    return Path("/tmp") / f"edge-{os.geteuid()}-{digest}"  # noqa: S108 - checked by _own


def _own(folder: Path) -> None:
    """Make `folder`, or see that it is ours: others may write where it stands, and know its name beforehand."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o711)
    if not _is_ours(folder):
        raise InstanceError(
            f"{folder} is not a folder of this user alone: remove it, "
            "or set EDGE_HOME to another folder, one with a short path that everybody may enter"
        )


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder, not a link to one, that this user alone may write to."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
