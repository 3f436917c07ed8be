"""The content address of a release: equal content, wherever and whenever it was read, has an equal address."""

import hashlib
from collections.abc import Mapping

SHORT_DIGITS = 12


def digest(content: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def address(files: Mapping[str, str], lock: str | None, python: str) -> str:
    """Name files (path with slashes to digest), the lock file's digest and Python's tag by one digest.

    Injective before hashing: a path holds no NUL, and all that follows it on its line has a fixed length.
    Raises UnicodeEncodeError for a path that is not UTF-8.
    """
    seal = hashlib.sha256(f"release 1\n{python}\n{lock or '-'}\n".encode())
    for path, content_digest in sorted(files.items()):
        seal.update(path.encode() + b"\0" + content_digest.encode() + b"\n")
    return seal.hexdigest()


def short(full: str) -> str:
    """The id that people read and folders have: the first twelve digits (48 bits)."""
    return full[:SHORT_DIGITS]
