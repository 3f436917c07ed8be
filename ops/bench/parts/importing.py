"""An import by `edge learn`, beside the embedding model alone with the same texts."""

import itertools
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import uvloop

from core.knowledge.chunk import chunks
from core.retrieval.lens import ensure_calibrated
from core.services import open_services
from core.settings import Settings
from ops.bench import texts
from ops.bench.figure import Figure, Side
from ops.bench.importing import FIRST_SHOP, cpu_s, embed_alone, import_file, parts
from ops.bench.scale import Scale


def measure_importing(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    """The figures of this part."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with parts(folder) as (settings, socket):
            return uvloop.run(_measure(settings, socket, folder, scale, say))


async def _measure(
    settings: Settings, socket: Path, folder: Path, scale: Scale, say: Callable[[str], None]
) -> list[Figure]:
    async with open_services(settings) as services:
        await ensure_calibrated(services.database, services.embedder)
    fresh = texts.documents(3)
    rates: dict[str, list[float]] = {"import": [], "alone": []}
    spent_us: dict[str, list[float]] = {"import": [], "alone": []}
    for number in range(scale.rounds):
        say(f"round {number + 1} of {scale.rounds}: {scale.documents} documents")
        contents = list(itertools.islice(fresh, scale.documents))
        path = folder / f"round{number}.jsonl"
        path.write_text("".join(json.dumps({"text": content}) + "\n" for content in contents))
        before = cpu_s()
        alone_s = await embed_alone(socket, [text for content in contents for text in (content, *chunks(content))])
        between = cpu_s()
        import_s = await import_file(settings, path, ["--shop", str(FIRST_SHOP)])
        for side, seconds, cpu in (("alone", alone_s, between - before), ("import", import_s, cpu_s() - between)):
            rates[side].append(scale.documents / seconds)
            spent_us[side].append(cpu / scale.documents * 1e6)
    ours = _side("edge learn", rates["import"], spent_us["import"])
    floor = _side("the model server alone", rates["alone"], spent_us["alone"])
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
