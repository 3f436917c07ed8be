"""Starting programs so that none outlives its parent, as root or as an ordinary user."""

import os
import pwd
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from ops.lifeline import Account, command_of

KILLED_S = 5.0  # for a process that was killed to be gone


def current_user() -> str:
    """The name of the user of this process; KeyError without an entry in the user database."""
    return pwd.getpwuid(os.geteuid()).pw_name


def account_for(folder: Path, names: Sequence[str] = ("postgres", "nobody")) -> Account | None:
    """Whom a server drops to: None for an ordinary user; else the owner of `folder`, else the first of `names`.

    Raises LookupError when root finds none of them.
    """
    if os.geteuid() != 0:
        return None
    entries = [entry for name in names if (entry := _entry(name))]
    if folder.exists() and (uid := folder.stat().st_uid) != 0:
        entries.insert(0, pwd.getpwuid(uid))
    if not entries:
        raise LookupError(f"root needs one of the users {', '.join(names)} to run a server as")
    return Account(entries[0].pw_name, entries[0].pw_uid, entries[0].pw_gid)


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _loader_path(environ: Mapping[str, str]) -> dict[str, str]:
    name = "LD_LIBRARY_PATH"
    return {name: os.environ[name]} if name in os.environ and name not in environ else {}


def start(  # noqa: PLR0913 - what subprocess.Popen asks for
    argv: Sequence[str | Path],
    *,
    account: Account | None,
    death_signal: signal.Signals,
    log: IO[bytes],
    environ: Mapping[str, str],
    pass_fds: Sequence[int] = (),
    cwd: Path = Path("/"),
) -> subprocess.Popen[bytes]:
    """Start a server in the foreground of its own session, so that Ctrl-C reaches its supervisor alone."""
    added = _loader_path(environ)
    return subprocess.Popen(
        command_of(argv, account=account, death_signal=death_signal, cwd=cwd, dropped="".join(added)),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**environ, **added},
        pass_fds=pass_fds,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes], patience_s: float) -> None:
    """End a child: politely, by force after `patience_s`. Returns even where the child cannot be collected."""
    for wish, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, KILLED_S)):
        process.send_signal(wish)
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait_s)
            return


def run(  # noqa: PLR0913 - what subprocess.run asks for
    argv: Sequence[str | Path],
    *,
    account: Account | None,
    environ: Mapping[str, str],
    pass_fds: Sequence[int] = (),
    text_in: str = "",
    timeout_s: float = 120.0,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end under `account`; its output, both streams in one, is in `stdout`."""
    added = _loader_path(environ)
    return subprocess.run(
        command_of(argv, account=account, death_signal=signal.SIGKILL, dropped="".join(added)),
        input=text_in,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**environ, **added},
        pass_fds=pass_fds,
        timeout=timeout_s,
        check=False,
    )
