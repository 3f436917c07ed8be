"""A model server whose chat a test scripts: embeddings come from the real model server behind it."""

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tests.parts.faulty_models import until

MODEL = "tiny"
Fault = Callable[[str], list[bytes]]


def line(**fields) -> bytes:
    return json.dumps({"model": MODEL, "created_at": "2026-11-24T12:00:00Z", **fields}).encode() + b"\n"


def said(text: str) -> list[bytes]:
    """Each word as a part, and the end."""
    words = [word + " " for word in text.split(" ")]
    parts = [line(message={"role": "assistant", "content": word}, done=False) for word in words]
    return [*parts, line(message={"role": "assistant", "content": ""}, done=True, done_reason="stop")]


# What the parts of a right answer are made into.
FAULTS: dict[str, Fault] = {
    "cut": lambda text: said(text)[:3],
    "an error in the stream": lambda text: [*said(text)[:3], b'{"error": "model runner has unexpectedly stopped"}\n'],
    "garbage": lambda _: [b"<html>model</html>\n"],
    "no UTF-8": lambda _: [b'{"message": "\xff\xfe"}\n'],
    "a list": lambda _: [b"[]\n"],
    "nothing": lambda _: [],
    "silence": lambda _: said("")[-1:],
    "null for a message": lambda _: [b'{"message": null, "done": true}\n'],
}


class FaultyChat:
    """`says` is what it answers. `gate`: all but the first word waits for it. `fault`: one of FAULTS, or "500".

    `prompts` are the messages of each call, `gone` counts clients that left before the end, `running` those served.
    """

    def __init__(self, folder: Path, behind: str) -> None:
        self.socket = folder / "chat.sock"
        self.url = f"unix:{self.socket}"
        self._behind = behind.removeprefix("unix:")
        self.says = "Hello."
        self.fault: str | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.prompts: list[list[dict[str, str]]] = []
        self.gone = self.running = self.most_running = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self.socket)

    async def stop(self) -> None:
        """As a crash: every connection is cut, the socket's file refuses."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await until(lambda: not self._writers)

    async def served(self, count: int) -> None:
        """Wait until so many answers are being written."""
        await until(lambda: self.running == count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer(reader, writer):
                    pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().splitlines()
        length = next((int(one.split(":")[1]) for one in lines if one.startswith("content-length")), 0)
        body = await reader.readexactly(length)
        if b"/api/chat" not in head:
            return await self._forward(head + body, writer)
        self.prompts.append(json.loads(body)["messages"])
        if self.fault == "500":
            error = b'{"error": "model failed to load"}'
            writer.write(f"HTTP/1.1 500 -\r\nContent-Length: {len(error)}\r\n\r\n".encode() + error)
            await writer.drain()
            return True
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            return await self._stream(reader, writer)
        finally:
            self.running -= 1

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        parts = FAULTS[self.fault](self.says) if self.fault else said(self.says)
        writer.write(b"HTTP/1.1 200 -\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number, part in enumerate(parts):
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await writer.drain()
            if not number and not await self._passed(reader):
                self.gone += 1
                return False
        if self.fault == "cut":
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _passed(self, reader: asyncio.StreamReader) -> bool:
        """Wait for the gate, or for the client to leave."""
        gate, left = asyncio.create_task(self.gate.wait()), asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait([gate, left], return_when=asyncio.FIRST_COMPLETED)
            return gate.done()
        finally:
            for task in (gate, left):
                task.cancel()
            await asyncio.wait([gate, left])

    async def _forward(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        closing = request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        their_reader, their_writer = await asyncio.open_unix_connection(self._behind)
        their_writer.write(closing)
        writer.write(await their_reader.read())
        their_writer.close()
        await writer.drain()
        return False


@contextlib.asynccontextmanager
async def faulty_chat(model_server) -> AsyncIterator[FaultyChat]:
    """A server in this process and loop, in a folder with a short name."""
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    server = FaultyChat(folder, model_server.url)
    try:
        await server.start()
        yield server
    finally:
        server.gate.set()
        await server.stop()
        shutil.rmtree(folder)
