"""The reader: takes files to read on its standard input, answers with what is in them on its standard output."""

import os
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from core.knowledge.document import RECIPE, NewDocument
from ops.lifeline import die_with_parent
from ops.reading import cage, jsonl, table
from ops.reading.files import DOCUMENT_BYTES, TEXT_BYTES, decode, read_all
from ops.reading.refusals import UnreadableError
from ops.reading.sections import Block, passages_of
from ops.reading.wire import MESSAGE_BYTES, Ended, Found, Message, Refused, Task, Unchanged, next_task, pack

# Part of every file's hash beside RECIPE, which is of rows as well: raised when something else of a file is read.
READERS = b"readers 3\n"
Blocks = tuple[str | None, Iterator[Block]]


def _markdown(content: bytes, encoding: str) -> Blocks:
    from ops.reading import markdown

    return markdown.read(decode(content, encoding))


def _html(content: bytes, encoding: str) -> Blocks:
    from ops.reading import html

    return html.read(content, encoding)


def _pdf(content: bytes, _: str) -> Blocks:
    from ops.reading import pdf

    return pdf.read(content)


def _docx(content: bytes, _: str) -> Blocks:
    from ops.reading import docx

    return docx.read(content)


ROWS: dict[str, Callable[[Task], Iterator[Found | Refused]]] = {
    ".jsonl": jsonl.read,
    ".ndjson": jsonl.read,
    ".csv": table.read,
    ".tsv": table.read,
}
WHOLE: dict[str, tuple[Callable[[bytes, str], Blocks], int]] = {
    ".md": (_markdown, TEXT_BYTES),
    ".markdown": (_markdown, TEXT_BYTES),
    ".txt": (_markdown, TEXT_BYTES),
    ".html": (_html, TEXT_BYTES),
    ".htm": (_html, TEXT_BYTES),
    ".pdf": (_pdf, DOCUMENT_BYTES),
    ".docx": (_docx, DOCUMENT_BYTES),
}


def messages(task: Task) -> Iterator[Message]:
    """All that is to be said of a file."""
    suffix = Path(os.fsdecode(task.path)).suffix.lower()
    try:
        if suffix in ROWS:
            yield from ROWS[suffix](task)
        else:
            yield _whole(task, *WHOLE[suffix])
    except UnreadableError as error:
        yield Refused(str(error))
    except RecursionError:
        yield Refused("nested too deeply")
    except MemoryError:
        yield Refused(f"needs more than the {cage.MEMORY_BYTES >> 20} MiB that a reader may use")
        yield Ended(spent=True)
        return
    except Exception as error:  # noqa: BLE001 - parsers raise whatever they meet; the import goes on
        yield Refused(f"cannot be read: {type(error).__name__}")
        yield Ended(spent=True)
        return
    yield Ended()


def _whole(task: Task, read: Callable[[bytes, str], Blocks], most_bytes: int) -> Found | Unchanged:
    content = read_all(task.path, most_bytes)
    stands_for = f"{task.name}\0{task.source}\0{task.encoding}\0".encode()
    found = sha256(RECIPE + READERS + stands_for + content).digest()
    if found == task.known:
        return Unchanged()
    title, blocks = read(content, task.encoding)
    lost: list[int] = []
    passages = passages_of(_noting_lost_pages(blocks, lost), task.source, title)
    return Found(NewDocument(task.name, "", found, passages), read_bytes=len(content), lost_pages=lost)


def _noting_lost_pages(blocks: Iterator[Block], lost: list[int]) -> Iterator[Block]:
    for block in blocks:
        if block.page is not None and not block.text:
            lost.append(block.page)
        yield block


def _serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    while (task := next_task(tasks)) is not None:
        cage.begin_document()
        for message in messages(task):
            answers.write(_packed(message))
            cage.begin_document()
            if isinstance(message, Ended):
                answers.flush()


def _packed(message: Message) -> bytes:
    packed = pack(message)
    if isinstance(message, Found) and len(packed) > MESSAGE_BYTES:
        # What its reader would not be heard with must not cost the documents behind it.
        return pack(Refused(f"a document of more than {MESSAGE_BYTES >> 20} MiB", message.where, message.read_bytes))
    return packed


def main() -> None:
    """Read files until the import goes away."""
    die_with_parent()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=1 << 16)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    cage.lock_in()
    _serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
