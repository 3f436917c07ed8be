"""An import beside its floor: `python -m ops.bench.corpus corpus.jsonl --tenant-field tenant --documents 400`.

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
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

import uvloop
from click import echo

from core.knowledge.document import titled
from core.observe.trace import Part, Trace, current_trace
from core.retrieval.lens import ensure_calibrated
from core.retrieval.searcher import SearchQuery
from core.services import Services, open_services
from core.settings import Settings
from ops.bench.latency import summary
from ops.bench.learning import FIRST_SHOP, cpu_s, database_and_model, embed_alone, import_file, texts_of
from ops.percentile import percentile_of

PAUSE_S = 0.1


def contents_of(lines: Sequence[bytes]) -> list[str]:
    """The passages of rows of the corpus."""
    rows = [json.loads(line) for line in lines]
    return [titled(row.get("title"), row["text"].strip()) for row in rows]


async def measure_rate(settings: Settings, socket: Path, folder: Path, given: argparse.Namespace) -> list[bytes]:
    """The median rate of the rounds; returns the lines that are left."""
    lines = [line for line in given.file.read_bytes().splitlines() if line.strip()]
    rates, shares = [], []
    for number in range(given.rounds):
        some, lines = lines[: given.documents], lines[given.documents :]
        path = folder / f"round{number}.jsonl"
        path.write_bytes(b"\n".join(some))
        texts = texts_of(contents_of(some))
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
    """Of the time that this part took of each question; there must be one."""
    found = percentile_of((trace.seconds.get(part, 0.0) for trace in traces), 0.95)
    assert found is not None
    return found * 1000


def line(name: str, traces: list[Trace]) -> str:
    """What so many questions took, for people."""
    parts = f"embedding {p95_ms(traces, 'embedding'):.1f}, database {p95_ms(traces, 'database'):.1f}"
    whole = summary(trace.seconds["cache"] for trace in traces)
    return f"{name:>20}  p50 / p95 / p99 {whole.words} ms; p95 of it: {parts}"


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
    """The rate, and the questions beside an import."""
    async with open_services(settings) as services:
        await ensure_calibrated(services.database, services.embedder)
    lines = await measure_rate(settings, socket, folder, given)
    if given.questions:
        await measure_searches(settings, folder, lines, given)


def main() -> None:
    """Start what is needed, and measure."""
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
        with database_and_model(folder) as (settings, socket):
            uvloop.run(measure(settings, socket, folder, given))


if __name__ == "__main__":
    main()
