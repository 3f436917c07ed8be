"""A disk that is full: files cannot grow past a size, as the kernel enforces it (setrlimit(2), RLIMIT_FSIZE)."""

import contextlib
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def full_disk(size_bytes: int) -> Iterator[None]:
    """Let every write of this process past `size_bytes` of a file fail with OSError (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
