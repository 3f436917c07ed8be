"""Files as bytes and as text: regular files only, bounded, decoded strictly."""

import errno
import os
import stat
from typing import BinaryIO

from ops.reading.refusals import UnreadableError

DOCUMENT_BYTES = 64 << 20
TEXT_BYTES = 16 << 20
# UTF-32 first: its little-endian mark begins as that of UTF-16.
BOMS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def open_regular(path: bytes) -> BinaryIO:
    """Open a file for reading; a pipe, device or folder is refused and never waited for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        name = "a socket" if error.errno == errno.ENXIO else f"not readable: {(error.strerror or '').lower()}"
        raise UnreadableError(name) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UnreadableError("not a regular file")
    return os.fdopen(fd, "rb")


def read_all(path: bytes, most_bytes: int) -> bytes:
    """All of a file of at most `most_bytes`."""
    with open_regular(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise UnreadableError(f"larger than {most_bytes >> 20} MiB")
    if not content.strip():
        raise UnreadableError("empty")
    return content


def decode(content: bytes, encoding: str) -> str:
    """The text of these bytes by their byte order mark, else in `encoding`; strict."""
    for mark, name in BOMS:
        if content.startswith(mark):
            content, encoding = content[len(mark) :], name
            break
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError(f"not {encoding} in line {line}: --encoding names another") from error
    if "\0" in text:
        raise UnreadableError("holds NUL: this is no text")
    return text
