"""What the layer around a function's application counts of each request."""

import asyncio
from pathlib import Path

import pytest

from ops.host.gatekeeper import Gatekeeper
from ops.host.gauges import BUCKETS_S, Gauges, Reading

TAKES_S = 0.06
SLOWER_THAN = BUCKETS_S.index(0.05)


async def raises(_scope, _receive, _send) -> None:
    await asyncio.sleep(TAKES_S)
    raise ValueError


async def gives_up(_scope, _receive, _send) -> None:
    await asyncio.sleep(TAKES_S)


async def counted(app, folder: Path) -> Reading:
    gauges = Gauges.create(folder / "one.1.7", 0)
    gatekeeper = Gatekeeper(app, gauges, 10.0, lambda: None, lambda _: None)
    await asyncio.gather(gatekeeper({"type": "http"}, None, None), return_exceptions=True)
    return gauges.read()


@pytest.mark.parametrize(("app", "errors"), [(raises, 1), (gives_up, 0)])
async def test_a_request_without_an_answer_counts_for_as_long_as_it_took(app, errors: int, tmp_path: Path):
    reading = await counted(app, tmp_path)
    assert (0, 1, errors) == (reading.in_flight, reading.requests, reading.errors)
    assert 1 == sum(reading.buckets[SLOWER_THAN + 1 :])
