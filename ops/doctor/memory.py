"""Is there memory for the model and for all that functions may use?"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import psutil

from core.errors import EdgeError
from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, unknown, warning
from ops.slo import load

MIB = 1 << 20
REMEDY = "a smaller model, lower `memory_mib` or fewer workers of functions, or a larger machine"


def examine(box: Box) -> Iterator[Finding]:
    """Add what the model has taken to what the functions' limits allow, and compare with the machine."""
    # What is promised beyond the alert's limit is more than the machine has, with a system beside it.
    most = load().alerts.high_memory_usage.limit
    taken = psutil.virtual_memory()
    if taken.percent > most * 100:
        yield fault(f"{taken.percent:.0f} % of the memory is in use", "`edge status` shows what ours take")
    model = model_bytes(box)
    if model is None:
        yield unknown("how much memory the model takes is not known: its server does not answer")
        return
    functions = sum(one["manifest"]["memory_mib"] * one["workersWanted"] * MIB for one in box.functions if _serves(one))
    total = box.memory_bytes
    detail = (
        f"the model takes {model // MIB} MiB, functions may take {functions // MIB} MiB,"
        f" of {total // MIB} MiB that the machine has"
    )
    if model > most * total:
        yield fault(detail, REMEDY)
    elif model + functions > most * total:
        yield warning(detail, REMEDY)
    else:
        yield ok(detail)


def model_bytes(box: Box) -> int | None:
    """Resident memory of the embedded server, or what another says that its models take."""
    if box.settings.ollama_url is None:
        pid = box.parts.get("model", {}).get("pid")
        with suppress(psutil.Error):
            return int(psutil.Process(pid).memory_info().rss) if pid else None
        return None

    async def footprint() -> int:
        client = box.model_client()
        try:
            return await client.footprint_bytes()
        finally:
            await client.close()

    with suppress(EdgeError):
        return asyncio.run(footprint())
    return None


def _serves(function: dict[str, object]) -> bool:
    return function["manifest"] is not None
