"""What the import and its reader say to each other: msgpack, each message with its length before it."""

import struct
from typing import BinaryIO

import msgspec

from core.knowledge.document import NewDocument

LENGTH = struct.Struct(">I")
MESSAGE_BYTES = 64 << 20


class Task(msgspec.Struct, frozen=True):
    """A file to read: `name` is what its documents are known by, `source` what visitors see, `known` its hash."""

    path: bytes
    name: str
    source: str
    encoding: str
    tenant_field: str | None = None
    known: bytes | None = None


class Found(msgspec.Struct, frozen=True, tag="found"):
    """A document; `where` it stands in the file ('' for all of it), and how many bytes of the file are read.

    `lost_pages`: those of a document of many that show something and hold no text that can be read.
    """

    document: NewDocument
    where: str = ""
    tenant: str | None = None
    read_bytes: int = 0
    lost_pages: list[int] = []


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """What cannot be imported, and why."""

    reason: str
    where: str = ""
    read_bytes: int = 0


class Unchanged(msgspec.Struct, frozen=True, tag="unchanged"):
    """The file is what the task says is known."""


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """Nothing more comes of this file. `spent`: the reader should not be given another one."""

    spent: bool = False


Message = Found | Refused | Unchanged | Ended
_encoder = msgspec.msgpack.Encoder()
_message: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_task = msgspec.msgpack.Decoder(Task)


def pack(message: Message | Task) -> bytes:
    """The message with its length."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> Message:
    """The message of a body; raises msgspec.DecodeError."""
    return _message.decode(body)


def next_task(stream: BinaryIO) -> Task | None:
    """The next file to read; None when the import has gone."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return _task.decode(stream.read(LENGTH.unpack(head)[0]))
