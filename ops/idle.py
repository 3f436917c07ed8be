"""Ends with a sentence when an instance runs in one of the folders given; needs no environment, as `make clean`."""

import fcntl
import sys
from pathlib import Path


def main(homes: list[Path]) -> None:
    """Exit with status 1 for the first folder that is in use."""
    for home in homes:
        if (pid := owner(home)) is not None:
            sys.exit(f"{home} is in use (pid {pid}), with its database in it: `make down` first, then again")


def owner(home: Path) -> str | None:
    """The pid that the holder of the lock of `ops.stack.instance` left in it, None when nobody holds it."""
    try:
        lock = (home.expanduser() / "lock").open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return lock.read(32).decode() or "unknown"
    return None


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
