"""A release that is not written yet: what a tree would be released as, read once."""

import sys
from pathlib import Path

import msgspec

from ops.release.address import address, digest, short
from ops.release.closure import LOCK, read_closure
from ops.release.imports import KnownImports

# A release has one function, and what stands here runs in every worker.
GENERATED = {"functions/__init__.py": b""}


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """`contents` and `files` (digests) have the same keys: paths with slashes, as in the tree.

    `lock` is the digest of requirements/run.txt, `pins` its requirements without hashes; None and empty without one.
    """

    function: str
    contents: dict[str, bytes]
    files: dict[str, str]
    lock: str | None
    pins: tuple[str, ...]
    python: str

    @property
    def address(self) -> str:
        """The content address, 64 hexadecimal digits."""
        return address(self.files, self.lock, self.python)

    @property
    def id(self) -> str:
        """The id that its release has, or would have."""
        return short(self.address)


def read_draft(root: Path, name: str, known: KnownImports | None = None) -> Draft:
    """Read function `name` of a tree; writes nothing. Raises UnknownFunctionError and OSError."""
    contents = read_closure(root, name, known).files | GENERATED
    lock = _read_lock(root)
    return Draft(
        function=name,
        contents=contents,
        files={path: digest(content) for path, content in contents.items()},
        lock=None if lock is None else digest(lock),
        pins=_pins(lock or b""),
        python=python_tag(),
    )


def python_tag() -> str:
    """The tag in names of byte-code files, such as cpython-311: what is compiled for one does not load in another."""
    tag = sys.implementation.cache_tag
    assert tag is not None  # CPython and PyPy both have one
    return tag


def _read_lock(root: Path) -> bytes | None:
    try:
        return (root / LOCK).read_bytes()
    except FileNotFoundError:
        return None


def _pins(lock: bytes) -> tuple[str, ...]:
    lines = lock.decode("utf-8", "replace").splitlines()
    return tuple(line.rstrip(" \\") for line in lines if line and not line.startswith((" ", "#", "-")))
