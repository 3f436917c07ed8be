"""An import by `edge learn`, beside the embedding model alone with the same texts."""

import itertools
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import uvloop

from core.retrieval.lens import ensure_calibrated
from core.services import open_services
from core.settings import Settings
from ops.bench import texts
from ops.bench.figure import Figure, Side, interleaved
from ops.bench.learning import FIRST_SHOP, cpu_s, database_and_model, embed_alone, import_file, texts_of
from ops.bench.scale import Scale

OURS, ALONE = "edge learn", "the model server alone"


def measure_importing(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    """The figures of this part."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with database_and_model(folder) as (settings, socket):
            return uvloop.run(_measure(settings, socket, folder, scale, say))


async def _measure(
    settings: Settings, socket: Path, folder: Path, scale: Scale, say: Callable[[str], None]
) -> list[Figure]:
    async with open_services(settings) as services:
        await ensure_calibrated(services.database, services.embedder)
    fresh = texts.documents(3)
    rates: dict[str, list[float]] = {OURS: [], ALONE: []}
    spent_us: dict[str, list[float]] = {OURS: [], ALONE: []}
    contents: list[str] = []
    path = folder / "round.jsonl"
    for number, side in interleaved(rates, scale.rounds):
        say(f"round {number + 1} of {scale.rounds}: {scale.documents} documents, {side}")
        if len(rates[OURS]) == len(rates[ALONE]):  # a round begins: both sides get its documents
            contents = list(itertools.islice(fresh, scale.documents))
            path.write_text("".join(json.dumps({"text": content}) + "\n" for content in contents))
        before = cpu_s()
        if side == ALONE:
            seconds = await embed_alone(socket, texts_of(contents))
        else:
            seconds = await import_file(settings, path, ["--shop", str(FIRST_SHOP)])
        rates[side].append(scale.documents / seconds)
        spent_us[side].append((cpu_s() - before) / scale.documents * 1e6)
    ours = _side(OURS, rates[OURS], spent_us[OURS])
    floor = _side(ALONE, rates[ALONE], spent_us[ALONE])
    return [
        Figure(
            key="import.rate", title="import of short documents", unit="documents a second", better="higher",
            ours=ours, floor=floor, note=f"{scale.documents} documents a round",
        )
    ]  # fmt: skip


def _side(name: str, rates: list[float], spent_us: list[float]) -> Side:
    return Side(
        name=name,
        rounds=tuple(round(rate, 2) for rate in rates),
        cpu_us={"all processes": round(statistics.median(spent_us))},
    )
