"""How processes of one instance end together: parents that die take their children along (Linux).

Run as a file it is the launcher that `command_of` names: nothing but the standard library, and little of it.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import NamedTuple

PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


class Account(NamedTuple):
    """The unprivileged user that a server runs as when the operator is root."""

    name: str
    uid: int
    gid: int


def command_of(
    argv: Sequence[str | os.PathLike[str]],
    *,
    account: Account | None,
    death_signal: signal.Signals,
    cwd: str | os.PathLike[str] = "/",
    dropped: str = "",
) -> list[str]:
    """The command that becomes `argv[0]` (a full path) under `account`, killed by `death_signal` with its parent.

    The parent is the *thread* that starts it: one that ends takes the child with it. The program does not get the
    variable `dropped` of its environment.
    """
    user = (str(account.uid), str(account.gid)) if account else ("-", "-")
    return [
        *(sys.executable, "-I", "-S", __file__),
        *(str(os.getpid()), str(death_signal.value), *user, os.fspath(cwd), dropped),
        *(os.fspath(part) for part in argv),
    ]


def main() -> None:
    """Become the program of `command_of`.

    In an interpreter of its own, since `preexec_fn` is unsafe once the parent has threads.
    """
    parent, death_signal, uid, gid, cwd, dropped, *command = sys.argv[1:]
    # The interpreter may need LD_LIBRARY_PATH to find its own library; the program it becomes is not given it.
    environ = {name: value for name, value in os.environ.items() if name != dropped}
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    die_with_parent(signal.Signals(int(death_signal)))  # now: a change of user clears it (prctl(2), PR_SET_PDEATHSIG)
    if os.getppid() != int(parent):
        sys.exit(f"{command[0]}: process {parent}, which it was to end with, is gone")
    os.chdir(cwd)
    try:
        os.execve(command[0], command, environ)  # noqa: S606 - a path of our own, no shell
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


def die_with_parent(signum: signal.Signals = signal.SIGTERM, *, parent_pid: int | None = None) -> None:
    """Ask the kernel for `signum` when the parent dies; raises it at once when `parent_pid` is gone already."""
    _prctl(PR_SET_PDEATHSIG, signum)
    if parent_pid is not None and os.getppid() != parent_pid:
        os.kill(os.getpid(), signum)


def outlive_parent() -> None:
    """Take back `die_with_parent`."""
    _prctl(PR_SET_PDEATHSIG, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that none is lost sight of."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


if __name__ == "__main__":
    main()
