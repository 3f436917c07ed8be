"""An import beside its floor: `python -m ops.bench.importing corpus.jsonl --tenant-field tenant --documents 400`.

Starts a database and a model server of its own. In each round the same documents are embedded by the model alone (four
callers that throw the vectors away, so that it never waits) and imported by `edge learn` as a process of its own into a
database that knows nothing of them; the rate is the median over the rounds. By processor time it is what the clock
would say on a machine that has nothing else to do: all that the model uses alone, of all that every process uses, the
start of the command included. Then questions are asked one by one, each a new one, while nothing else runs and while an
import does: they go through the gateway of this process, which knows of the other one by the lane alone.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter

import httpx
import numpy as np
import psutil
import uvloop
from click import echo

from core.db.migrate import migrate
from core.knowledge.chunk import chunks
from core.knowledge.document import titled
from core.observe.trace import Part, Trace, current_trace
from core.retrieval.lens import ensure_calibrated
from core.retrieval.searcher import SearchQuery
from core.services import Services, open_services
from core.settings import Settings
from ops.stack.postgres import EmbeddedPostgres

CALLERS = 4
PIECE = 8
PAUSE_S = 0.1
FIRST_SHOP = 1


def contents_of(lines: Sequence[bytes]) -> list[str]:
    rows = [json.loads(line) for line in lines]
    return [titled(row.get("title"), row["text"].strip()) for row in rows]


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
    report = json.loads(output)
    assert not report["failures"], report
    assert not report["stopped"], report
    return float(report["seconds"])


async def measure_rate(settings: Settings, socket: Path, folder: Path, given: argparse.Namespace) -> list[bytes]:
    """The median rate of the rounds; returns the lines that are left."""
    lines = [line for line in given.file.read_bytes().splitlines() if line.strip()]
    rates, shares = [], []
    for number in range(given.rounds):
        some, lines = lines[: given.documents], lines[given.documents :]
        path = folder / f"round{number}.jsonl"
        path.write_bytes(b"\n".join(some))
        texts = [text for content in contents_of(some) for text in (content, *chunks(content))]
        before = cpu_s()
        alone_s = await embed_alone(socket, texts)
        between = cpu_s()
        import_s = await import_file(settings, path, given.options)
        rates.append(alone_s / import_s)
        shares.append((between - before) / (cpu_s() - between))
        echo(
            f"round {number + 1}: {len(some)} documents, {len(texts)} texts:"
            f" the model alone {len(some) / alone_s:.1f}/s, the import {len(some) / import_s:.1f}/s,"
            f" {rates[-1]:.2f} of it by the clock, {shares[-1]:.2f} by processor time"
        )
    echo(f"median: {statistics.median(rates):.2f} by the clock, {statistics.median(shares):.2f} by processor time")
    return lines


async def ask(services: Services, questions: Iterator[str], count: int) -> list[Trace]:
    """Ask one question after the other; the whole time stands under "cache", which no new question meets."""
    traces = []
    for number in range(count):
        trace = Trace(f"question-{number}")
        token = current_trace.set(trace)
        begun = perf_counter()
        await services.searcher.search(SearchQuery(next(questions), FIRST_SHOP, threshold=0.0))
        trace.seconds["cache"] = perf_counter() - begun
        current_trace.reset(token)
        traces.append(trace)
        await asyncio.sleep(PAUSE_S)
    return traces


def p95_ms(traces: list[Trace], part: Part) -> float:
    return float(np.percentile([trace.seconds.get(part, 0.0) for trace in traces], 95) * 1000)


def line(name: str, traces: list[Trace]) -> str:
    p50, p99 = (np.percentile([trace.seconds["cache"] for trace in traces], share) * 1000 for share in (50, 99))
    parts = f"embedding {p95_ms(traces, 'embedding'):.1f}, database {p95_ms(traces, 'database'):.1f}"
    return f"{name:>20}  p50 {p50:6.1f}  p95 {p95_ms(traces, 'cache'):6.1f} ({parts})  p99 {p99:6.1f} ms"


async def measure_searches(settings: Settings, folder: Path, lines: list[bytes], given: argparse.Namespace) -> None:
    """Latencies of new questions while nothing else runs, and while an import does."""
    questions = iter(dict.fromkeys(content.split("\n")[0] for content in contents_of(lines)[::-1]))
    path = folder / "meanwhile.jsonl"
    path.write_bytes(b"\n".join(lines[: given.documents * 20]))
    async with open_services(settings, "searcher") as services:
        await ask(services, questions, 20)
        idle = await ask(services, questions, given.questions)
        running = asyncio.create_task(import_file(settings, path, given.options))
        await ask(services, questions, 20)
        busy = await ask(services, questions, given.questions)
        assert not running.done(), "the import ended before the questions did: give it more documents"
        running.cancel()
        await asyncio.wait([running])
    echo(line("nothing else", idle))
    echo(line("while an import runs", busy))
    echo(f"p95 {p95_ms(busy, 'cache') / p95_ms(idle, 'cache'):.2f} times what it is without")


async def measure(settings: Settings, socket: Path, folder: Path, given: argparse.Namespace) -> None:
    async with open_services(settings) as services:
        await ensure_calibrated(services.database, services.embedder)
    lines = await measure_rate(settings, socket, folder, given)
    if given.questions:
        await measure_searches(settings, folder, lines, given)


@contextmanager
def parts(folder: Path) -> Iterator[tuple[Settings, Path]]:
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
        while not socket.exists():
            assert model.poll() is None, "the model server ended"
        yield (
            Settings(
                home=folder / "edge",
                database_url=server.owner_dsn,
                database_app_url=server.app_dsn,
                ollama_url=f"unix:{socket}",
            ),
            socket,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="JSONL")
    parser.add_argument("--tenant-field", help="as for edge learn; without it all is for shop 1")
    parser.add_argument("--documents", type=int, default=400, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--questions", type=int, default=200, help="0: only the rate")
    given = parser.parse_args()
    given.options = ["--tenant-field", given.tenant_field] if given.tenant_field else ["--shop", str(FIRST_SHOP)]
    with tempfile.TemporaryDirectory(prefix="edge-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        echo(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        with parts(folder) as (settings, socket):
            uvloop.run(measure(settings, socket, folder, given))


if __name__ == "__main__":
    main()
