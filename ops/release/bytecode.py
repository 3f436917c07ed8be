"""Byte-code compiled once per distinct source, and put into releases as unchecked-hash pycs (PEP 552).

Each file ends in a digest over its source's digest and all before it: a torn or damaged one is recognised wherever it
lies, by itself. Python ignores what follows the code object ("extra characters in the input are ignored", marshal).
"""

import importlib.util
import marshal
import os
import shutil
import warnings
from hashlib import sha256
from pathlib import Path

from ops.release.imports import UNPARSABLE

_UNCHECKED_HASH = (1).to_bytes(4, "little")  # never compared with the source, which is immutable
_SEAL_BYTES = 32


def compiled(source: bytes, path: str) -> bytes | None:
    """The whole byte-code file of a source; None when it does not compile, which a worker's import will report.

    `path` shows in no traceback: Python replaces it with the place that the module is loaded from.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except (*UNPARSABLE, OverflowError):
        return None
    body = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source) + marshal.dumps(code)
    return body + _seal(body, sha256(source).hexdigest())


def is_intact(bytecode: bytes, source_digest: str) -> bool:
    """Whether a byte-code file is what was once compiled from the source of this digest."""
    return bytecode[-_SEAL_BYTES:] == _seal(bytecode[:-_SEAL_BYTES], source_digest)


def bytecode_path(path: str, python: str) -> str:
    """Where Python looks for the byte-code of the source at `path` (PEP 3147)."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{python}.pyc"


def _seal(body: bytes, source_digest: str) -> bytes:
    return sha256(bytes.fromhex(source_digest) + body).digest()


class BytecodeCache:
    """Byte-code by the digest of its source, in one folder for each Python; the caller holds the store's lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, source: bytes, source_digest: str, path: str, target: Path) -> bool:
        """Place the byte-code at `target`, whose folder exists; False when the source does not compile."""
        kept = self._folder / f"{source_digest}.pyc"
        if not self._has(kept, source_digest):
            content = compiled(source, path)
            if content is None:
                return False
            self._keep(kept, content)
        try:
            target.hardlink_to(kept)
        except OSError:  # too many links, or a file system without
            shutil.copyfile(kept, target)
            target.chmod(0o444)
        return True

    def _has(self, kept: Path, source_digest: str) -> bool:
        try:
            content = kept.read_bytes()
        except FileNotFoundError:
            return False
        return is_intact(content, source_digest) and content.startswith(importlib.util.MAGIC_NUMBER)

    def _keep(self, kept: Path, content: bytes) -> None:
        # Renamed over a damaged one, never written into: its other links belong to other releases.
        self._folder.mkdir(parents=True, exist_ok=True)
        aside = kept.with_name(".new")
        aside.unlink(missing_ok=True)
        aside.write_bytes(content)
        aside.chmod(0o444)
        aside.replace(kept)


def drop_unused(folder: Path) -> None:
    """Remove, for every Python, the byte-code that no release links to; what was copied is compiled again one day."""
    for path in folder.glob("*/*.pyc"):
        if path.stat().st_nlink == 1:
            os.unlink(path)  # noqa: PTH108 - a file that is read-only to its owner
