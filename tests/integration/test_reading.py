"""The reader's process against files that anybody may have made: one clear reason each, and the next file is read."""

import asyncio
import csv
import json
import os
import signal
import socket
import sys
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from core.knowledge.document import NewDocument, NewPassage, hash_of_passages
from ops.importing.reader import Reader
from ops.reading.__main__ import _packed
from ops.reading.wire import Found, Refused, Task, Unchanged
from tests.parts import documents


def task(path, **options):
    return Task(os.fsencode(path), str(path), path.name, options.pop("encoding", "utf-8"), **options)


async def read(reader, path, **options):
    async with aclosing(reader.read(task(path, **options))) as messages:
        return [message async for message in messages]


@asynccontextmanager
async def reading(**options):
    reader = Reader(**options)
    try:
        yield reader
    finally:
        await reader.close()


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


DEEP = "<div>" * 200_000 + "deep" + "</div>" * 200_000
HOSTILE = {
    "empty.md": (b"  \n", "empty"),
    "binary.md": (bytes(range(256)) * 10, "not utf-8 in line|NUL"),
    "nul.md": (b"text\x00text", "NUL"),
    "latin.md": ("Müller".encode("latin-1"), "not utf-8 in line 1: --encoding"),
    "utf16.md": (b"\xff\xfe\x00", "not utf-16"),
    "random.pdf": (os.urandom(2000), "not a PDF"),
    "cut.pdf": (documents.pdf("text")[:120], "not a PDF|none of its pages|no text"),
    "protected.pdf": (documents.pdf("text", extra=documents.ENCRYPTED), "password"),
    "pages.pdf": (documents.pdf("text", repeat=10_000), "has 10000 pages"),
    "scan.pdf": (documents.pdf(""), "holds no text"),
    "bomb.pdf": (documents.pdf_bomb(1 << 30), "needs more than 1024 MiB of memory"),
    "random.docx": (os.urandom(2000), "not a DOCX"),
    "cut.docx": (documents.docx_of(("Normal", "text"))[:-400], "not a DOCX|damaged"),
    "old.docx": (b"\xd0\xcf\x11\xe0" + bytes(600), "password, or a .doc"),
    "bomb.docx": (documents.bomb(300 << 20), "unpacks to more than"),
    "entities.docx": (documents.entities(9), "entities that grow beyond measure"),
    "entity.docx": (documents.entities(1), "declares entities"),
    "deep.docx": (
        documents.docx_with("<w:tbl><w:tr><w:tc>" * 300 + "</w:tc></w:tr></w:tbl>" * 300),
        "more than 256 deep",
    ),
    "run.docx": (documents.docx_with(f"<w:p><w:r><w:t>{'x' * 11_000_000}</w:t></w:r></w:p>"), "more than 10 MB"),
    "paragraphs.docx": (
        documents.docx_with("<w:p><w:r><w:t>x</w:t></w:r></w:p>" * 2_000_000),
        "needs more than the 1024 MiB",
    ),
    "nobody.docx": (documents.rewritten(documents.docx_with(""), lambda xml: xml.replace("w:body", "w:x")), "damaged"),
    "words.csv": ("foo,bar\n1,2\n", "no column text"),
    "open.csv": ('text\n"never closed', "no CSV from here on"),
    "wide.csv": ("text\n" + "x" * 1_100_000, "no CSV from here on"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.mark.timeout(300)
async def test_every_hostile_file_is_refused_with_its_reason_and_the_next_one_is_read(folder):
    found = {}
    async with reading() as reader:
        for name, (content, _) in HOSTILE.items():
            found[name] = await read(reader, write(folder, name, content))
            last = await read(reader, write(folder, "good.md", "# Good\nfine"))
            assert "Good\nfine" == last[0].document.passages[0].content
    for name, (_, reason) in HOSTILE.items():
        (refusal,) = found[name]
        assert isinstance(refusal, Refused), name
        with pytest.raises(AssertionError, match=reason):
            raise AssertionError(refusal.reason)


async def test_what_looks_hostile_and_is_not_is_read(folder):
    async with reading() as reader:
        nested = await read(reader, write(folder, "deep.md", "> " * 5000 + "quoted\n\nplain"))
        long = await read(reader, write(folder, "line.md", "word " * 100_000))
        deep = await read(reader, write(folder, "deep.html", DEEP))
        unknown = await read(reader, write(folder, "laugh.html", '<!DOCTYPE x [<!ENTITY a "b">]><p>&a;&amp; fine'))
    assert "plain" in nested[0].document.passages[-1].content
    assert sum(len(passage.content.split()) for passage in long[0].document.passages) == 100_000
    assert "deep" == deep[0].document.passages[0].content
    assert "fine" in unknown[0].document.passages[0].content


async def test_only_regular_files_are_read_and_nothing_is_waited_for(folder):
    pipe, plug = folder / "pipe.md", folder / "plug.md"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(plug))
        async with reading() as reader, asyncio.timeout(20):
            for path in (pipe, plug, folder, folder / "gone.md"):
                (refusal,) = await read(reader, path.with_suffix(".md") if path == folder else path)
                assert isinstance(refusal, Refused)


async def test_a_row_that_cannot_be_one_does_not_stop_the_others(folder):
    lines = [
        b'{"text": "one"}',
        b"nope",
        b"",
        b"[" * 100_000,
        b"x" * (17 << 20),
        b'{"text": "two"}',
        b'{"text": "\xff"}',
    ]
    async with reading() as reader:
        found = await read(reader, write(folder, "rows.jsonl", b"\n".join(lines)))
    assert ["one", "two"] == [m.document.passages[0].content for m in found if isinstance(m, Found)]
    assert ["line 2", "line 4", "line 5", "line 7"] == [m.where for m in found if isinstance(m, Refused)]


def exported(number, name, text, digest, **others):
    of = {"file": name, "key": "", "hash": None, "digest": digest, **others}
    days = {"createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"}
    return json.dumps({"_id": str(UUID(int=number)), "text": text, **days, "_document": of if name else None}).encode()


def digest_of(*texts):
    """What an export says of rows 1, 2, … with these texts."""
    day = datetime(2026, 1, 1, tzinfo=UTC)
    passages = [NewPassage(text, id=UUID(int=n), created_at=day, updated_at=day) for n, text in enumerate(texts, 1)]
    return hash_of_passages(passages).hex()


async def told(reader, path):
    """The texts of each document, and the line of each refusal."""
    return [
        [passage.content for passage in message.document.passages] if isinstance(message, Found) else message.where
        for message in await read(reader, path)
    ]


@pytest.mark.parametrize(
    "damage", [b'{"_id": damaged', b"x" * (17 << 20), b'{"text": 1, "_document": {}}', b"\xff", None]
)
async def test_a_damaged_row_of_an_export_costs_its_document_and_no_other(folder, damage):
    whole = digest_of("one", "two")
    lines = [
        *(exported(n, "/whole", text, whole) for n, text in ((1, "one"), (2, "two"))),
        *(exported(n, "/torn", text, "edited") for n, text in ((3, "three"), (4, "four"), (5, "five"))),
        exported(6, None, "of none", ""),
        exported(7, "/after", "seven", "edited"),
    ]
    for place in (2, 3, 4):  # the first, the middle and the last row of /torn
        some = [*lines[:place], damage or exported(9, "/torn", 4, "edited"), *lines[place + 1 :]]
        async with reading() as reader:
            found = await told(reader, write(folder, "export.jsonl", b"\n".join(some)))
        torn = "line 4" if place == 4 else "line 5"
        assert sorted([["one", "two"], ["of none"], ["seven"], f"line {place + 1}", torn], key=str) == sorted(
            found, key=str
        )


async def test_a_row_whose_document_has_a_broken_hash_costs_that_document_alone(folder):
    for broken in ("zz", "", "ab", "é" * 64, 7):
        lines = [
            exported(number, f"/{name}", name, "edited", **({"hash": broken} if name == "b" else {}))
            for number, name in enumerate("abbcd", 1)
        ]
        async with reading() as reader:
            found = await told(reader, write(folder, "hash.jsonl", b"\n".join(lines)))
        assert ["line 2", "line 3", ["a"], ["c"], ["d"]] == found


async def test_a_document_that_is_too_large_to_hand_over_costs_itself_alone(folder):
    large = [exported(number, "/large", "x" * (15 << 20), "edited") for number in range(1, 6)]
    path = write(folder, "large.jsonl", b"\n".join([*large, exported(6, "/small", "small", "edited")]))
    async with reading() as reader:
        assert ["line 5", ["small"]] == await told(reader, path)
    message = Found(NewDocument("/f", "", None, (NewPassage("x" * (65 << 20)),)), "line 1")
    assert b"more than 64 MiB" in _packed(message)


async def test_a_table_is_read_with_its_quotes_line_ends_and_formulas(folder):
    path = folder / "table.csv"
    with path.open("w", encoding="utf-16", newline="") as target:
        writer = csv.writer(target, delimiter=";")
        writer.writerows([["_id", "text"], ["1", 'two\nlines; "quoted"'], ["2", "=cmd|' /C calc'!A0"]])
    async with reading() as reader:
        found = await read(reader, path)
    assert ['two\nlines; "quoted"', "=cmd|' /C calc'!A0"] == [m.document.passages[0].content for m in found]


async def test_a_file_that_is_known_is_not_parsed_again(folder):
    path = write(folder, "same.md", "text")
    async with reading() as reader:
        (first,) = await read(reader, path)
        assert [Unchanged()] == await read(reader, path, known=first.document.hash)
        path.write_text("text.")
        assert [Found] == [type(message) for message in await read(reader, path, known=first.document.hash)]


async def test_a_reader_that_is_killed_or_hangs_costs_its_file_alone(folder):
    path = write(folder, "good.jsonl", "\n".join(json.dumps({"text": "x" * 2000}) for _ in range(2000)))
    async with reading(silence_s=5) as reader:
        for signum, reason in ((signal.SIGKILL, "ended by SIGKILL"), (signal.SIGSTOP, "took longer than 5 s")):
            seen = []
            async with aclosing(reader.read(task(path))) as messages:
                async for message in messages:
                    if not seen:
                        os.kill(reader._process.pid, signum)
                    seen.append(message)
            assert isinstance(seen[-1], Refused)
            assert reason in seen[-1].reason
            assert 2000 == len(await read(reader, path))


async def test_a_reader_has_limits_and_no_secrets(folder, monkeypatch):
    monkeypatch.setenv("EDGE_DATABASE_URL", "postgresql://secret")
    async with reading() as reader:
        await read(reader, write(folder, "good.md", "text"))
        base = Path(f"/proc/{reader._process.pid}")
        assert "secret" not in (base / "environ").read_text()
        text = (base / "limits").read_text()
    assert [str(1 << 30)] == [line.split()[3] for line in text.splitlines() if line.startswith("Max address")]
    assert ["0"] == [line.split()[3] for line in text.splitlines() if line.startswith("Max file size")]


async def test_a_reader_ends_with_its_import():
    code = (
        "import asyncio, os; from ops.importing.reader import Reader\n"
        "async def main():\n    print((await Reader()._start()).pid, flush=True); os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    pid = int((await process.communicate())[0])
    async with asyncio.timeout(20):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
