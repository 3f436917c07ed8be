"""Names that a function may have: its module, and its files in the folders of sockets and logs."""

import keyword
import re

# `NAME.123456.sock` must fit a Unix socket's address below the run folder (ops/stack/instance.py).
LONGEST_NAME = 18
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# Sockets, folders and logs of parts (`host.sock`, `workers/`, `upkeep.log`), and paths that nginx serves beside routes.
TAKEN = frozenset(
    {"host", "model", "nginx", "postgres", "workers", "supervisor", "upkeep", "test", "core", "functions"}
)


def fault_of(name: str) -> str | None:
    """Why `name` cannot be a function's, None when it can."""
    if not NAME.fullmatch(name):
        return "is no name of a function: lower-case letters and digits, parted by single underscores"
    if len(name) > LONGEST_NAME:
        return f"is longer than the {LONGEST_NAME} characters that a socket's address has room for"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "is a word of Python"
    return "is taken by another part of the stack" if name in TAKEN else None
