"""A model server on a real socket whose faults a test chooses; it speaks just enough of Ollama's protocol."""

import asyncio
import contextlib
import json
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

NAN_VECTOR = "[" + ", ".join(["NaN"] * 8) + "]"

# What an answer to /api/embed is made into: status and body for the vectors that were right.
FAULTS: dict[str, Callable[[list[list[float]]], tuple[int, bytes]]] = {
    "a server error": lambda _: (500, b'{"error": "model runner has unexpectedly stopped"}'),
    "an error that is a list": lambda _: (500, b'["stopped"]'),
    "a redirect": lambda _: (302, b""),
    "garbage": lambda _: (200, b"<html>model</html>"),
    "no UTF-8": lambda _: (200, b'{"embeddings": "\xff\xfe"}'),
    "a list": lambda _: (200, b"[]"),
    "nothing": lambda _: (200, b"{}"),
    "an error under 200": lambda _: (200, b'{"error": "stopped"}'),
    "very deep JSON": lambda _: (200, b"[" * 100_000),
    "null for a vector": lambda _: (200, b'{"embeddings": [null]}'),
    "NaN": lambda vectors: (200, f'{{"embeddings": [{", ".join([NAN_VECTOR] * len(vectors))}]}}'.encode()),
    "infinity": lambda vectors: (200, json.dumps({"embeddings": [[float("inf")] * 8 for _ in vectors]}).encode()),
    "zeros": lambda vectors: (200, json.dumps({"embeddings": [[0.0] * 8 for _ in vectors]}).encode()),
    "empty vectors": lambda vectors: (200, json.dumps({"embeddings": [[] for _ in vectors]}).encode()),
    "too few": lambda vectors: (200, json.dumps({"embeddings": vectors[1:]}).encode()),
    "mixed dimensions": lambda vectors: (200, json.dumps({"embeddings": [*vectors, vectors[0][1:]][1:]}).encode()),
}


class FaultyModels:
    """Answers rightly until told otherwise. `url` is what EDGE_OLLAMA_URL takes.

    `gate`: embeddings wait for it (set at first). `tags_gate`: lists, as they were, wait for it. `fault`: one of
    FAULTS, "drop" or "cut". `poison`: a text that makes the whole call a 500. `batches`: the texts of each call.
    `gone`: clients that left before their answer.
    """

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "faulty.sock"
        self.url = f"unix:{self.socket}"
        self.digest = "one"
        self.dimensions = 8
        self.names = ["all-minilm:latest"]
        self.loaded_bytes: dict[str, int] = {}
        self.file_bytes = 1
        self.fault: str | None = None
        self.poison: str | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.tags_gate = asyncio.Event()
        self.tags_gate.set()
        self.batches: list[list[str]] = []
        self.tags = self.connections = self.running = self.most_running = self.gone = 0
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

    @property
    def texts(self) -> list[str]:
        return [text for batch in self.batches for text in batch]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer(reader, writer):
                    pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next((int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length")), 0)
        body = await reader.readexactly(length)
        if "/api/tags" in head:
            self.tags += 1
            status, answer = 200, json.dumps({"models": [self._listed(name) for name in self.names]}).encode()
            await self.tags_gate.wait()
        elif "/api/ps" in head:
            loaded = [{**self._listed(name), "size": size} for name, size in self.loaded_bytes.items()]
            status, answer = 200, json.dumps({"models": loaded}).encode()
        else:
            texts = json.loads(body)["input"]
            self.batches.append(texts)
            if not await self._computed(reader):
                return False
            if self.fault == "drop":
                return False
            status, answer = self._embeddings(texts)
        promised = len(answer) + (100 if self.fault == "cut" else 0)
        writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {promised}\r\n\r\n".encode() + answer)
        await writer.drain()
        return self.fault != "cut"

    async def _computed(self, reader: asyncio.StreamReader) -> bool:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        gate, left = asyncio.create_task(self.gate.wait()), asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait([gate, left], return_when=asyncio.FIRST_COMPLETED)
            if not gate.done():
                self.gone += 1
            return gate.done()
        finally:
            self.running -= 1
            for task in (gate, left):
                task.cancel()
            await asyncio.wait([gate, left])

    def _listed(self, name: str) -> dict[str, object]:
        return {"name": name, "model": name, "digest": self.digest, "size": self.file_bytes, "details": {}}

    def _embeddings(self, texts: list[str]) -> tuple[int, bytes]:
        vectors = [self.vector(text) for text in texts]
        if self.poison in texts:
            return FAULTS["a server error"](vectors)
        if self.fault in FAULTS:
            return FAULTS[self.fault](vectors)
        return 200, json.dumps({"model": "all-minilm", "embeddings": vectors}).encode()

    def vector(self, text: str) -> list[float]:
        """The same text, the same vector; another digest, another vector. Of no particular length."""
        chance = random.Random(f"{self.digest} {text}")
        return [chance.gauss() for _ in range(self.dimensions)]


@contextlib.asynccontextmanager
async def faulty_models() -> AsyncIterator[FaultyModels]:
    """A server in this process and loop, in a folder with a short name."""
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    server = FaultyModels(folder)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
        shutil.rmtree(folder)


async def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds; 10 s at most."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition may be anything
            await asyncio.sleep(0.002)
