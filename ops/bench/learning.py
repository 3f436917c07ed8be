"""An import by `edge learn`, and the embedding model alone with the same texts: what both benchmarks of one share."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter

import httpx
import psutil

from core.db.migrate import migrate
from core.knowledge.chunk import chunks
from core.settings import Settings
from ops.bench.stand import wait_until
from ops.stack.postgres import EmbeddedPostgres

CALLERS = 4
PIECE = 8
FIRST_SHOP = 1


def texts_of(documents: Sequence[str]) -> list[str]:
    """What is embedded of documents that a passage each holds: the whole and its chunks."""
    return [text for content in documents for text in (content, *chunks(content))]


async def embed_alone(socket: Path, texts: Sequence[str]) -> float:
    """Seconds that the model needs for these texts when all that its callers do is to ask."""
    pieces = iter([texts[at : at + PIECE] for at in range(0, len(texts), PIECE)])

    async def call(client: httpx.AsyncClient) -> None:
        for piece in pieces:
            answer = await client.post("/api/embed", json={"model": "all-minilm", "input": list(piece)})
            answer.raise_for_status()

    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://model", timeout=120) as client:
        begun = perf_counter()
        await asyncio.gather(*(call(client) for _ in range(CALLERS)))
        return perf_counter() - begun


def cpu_s() -> float:
    """Seconds of processor time that this process and all below it have used, those that ended included."""
    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return sum(time.user + time.system + time.children_user + time.children_system for time in times)


async def import_file(settings: Settings, path: Path, options: Sequence[str]) -> float:
    """Seconds that `edge learn` says it needed, from its first file to its last commit."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ops.cli", "learn", str(path), *options, "--json",
        env={**os.environ, **settings.to_environ()}, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise RuntimeError(f"edge learn ended with {process.returncode}: {output.decode(errors='replace')[-2000:]}")
    report = json.loads(output)
    if report["failures"] or report["stopped"]:
        raise RuntimeError(f"edge learn: {report}")
    return float(report["seconds"])


@contextmanager
def database_and_model(folder: Path) -> Iterator[tuple[Settings, Path]]:
    """A database, migrated, and a model server; both end with the block."""
    with ExitStack() as stack:
        server = EmbeddedPostgres(folder / "home", folder / "pg")
        stack.callback(server.stop)
        server.prepare()
        server.start()
        server.wait_ready()
        migrate(server.owner_dsn)
        socket = folder / "model.sock"
        model = subprocess.Popen([sys.executable, "-m", "ops.modelserver", "--socket", str(socket)])
        stack.callback(model.wait)
        stack.callback(model.terminate)
        wait_until(lambda: socket.exists() or model.poll() is not None)
        if model.poll() is not None:
            raise RuntimeError("the model server ended: its message is above")
        yield (
            Settings(
                home=folder / "edge",
                database_url=server.owner_dsn,
                database_app_url=server.app_dsn,
                ollama_url=f"unix:{socket}",
            ),
            socket,
        )
