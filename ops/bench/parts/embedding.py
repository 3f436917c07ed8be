"""New questions through the gateway of one process, beside the model server asked directly."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvloop

from core.models.gateway import Embedder
from core.settings import Settings
from ops.bench import alone, processes, texts
from ops.bench.figure import Figure, interleaved
from ops.bench.load import measure
from ops.bench.rounds import Measured
from ops.bench.scale import Scale
from ops.bench.window import Outcome, Window

GATEWAY, SERVER = "gateway", "server"
PATIENCE_S = 30.0


def measure_embedding(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    """The figures of this part."""
    with alone.model_server() as (socket, pid):
        found = uvloop.run(_measure(socket, pid, scale, say))
    return [
        Figure(
            key="embedding.rate", title=f"embedding gateway, new questions, {scale.users} callers", unit="a second",
            better="higher", ours=found[GATEWAY].side("gateway"), floor=found[SERVER].side("the model server alone"),
        )
    ]  # fmt: skip


async def _measure(socket: Path, pid: int, scale: Scale, say: Callable[[str], None]) -> dict[str, Measured]:
    fresh = texts.questions(2)
    found = {GATEWAY: Measured(), SERVER: Measured()}
    settings = Settings(home=socket.parent / "edge", ollama_url=f"unix:{socket}", embed_deadline_s=PATIENCE_S)
    embedder = await Embedder.open(settings, None)
    try:
        for number, name in interleaved(found, scale.rounds):
            say(f"round {number + 1} of {scale.rounds}: {name}")
            meter = processes.Meter(processes.family(pid))
            if name == GATEWAY:
                outcome = await _through(embedder, fresh, scale)
            else:
                outcome = await asyncio.to_thread(measure, alone.load_of_server(socket, fresh, scale))
            found[name].add(outcome, {"model": meter.spent_s()})
    finally:
        await embedder.close()
    return found


async def _through(embedder: Embedder, fresh: Iterator[str], scale: Scale) -> Outcome:
    """Callers that each ask the next question once the last is answered."""
    window = Window(scale.warm_up_s, scale.seconds)
    before = time.process_time()

    async def work() -> None:
        while (begun := time.monotonic()) < window.end:
            window.sent += 1
            await embedder.embed_query(next(fresh))
            window.add(begun, time.monotonic())

    await asyncio.gather(*(work() for _ in range(scale.users)))
    return window.outcome(time.process_time() - before)
