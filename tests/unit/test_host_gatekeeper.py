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


async def breaks_off(_scope, _receive, send) -> None:
    await send({"type": "http.response.start", "status": 200})
    raise ValueError


async def breaks_off_after_its_client_left(_scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200})
    await receive()
    raise ValueError


async def left() -> dict[str, str]:
    return {"type": "http.disconnect"}


async def sent(_message) -> None:
    """The client has it."""


async def counted(app, folder: Path) -> Reading:
    gauges = Gauges.create(folder / "one.1.7", 0)
    gatekeeper = Gatekeeper(app, gauges, 10.0, lambda: None, lambda _: None)
    await asyncio.gather(gatekeeper({"type": "http"}, left, sent), return_exceptions=True)
    return gauges.read()


@pytest.mark.parametrize(("app", "errors"), [(raises, 1), (gives_up, 0)])
async def test_a_request_without_an_answer_counts_for_as_long_as_it_took(app, errors: int, tmp_path: Path):
    reading = await counted(app, tmp_path)
    assert (0, 1, errors) == (reading.in_flight, reading.requests, reading.errors)
    assert 1 == sum(reading.buckets[SLOWER_THAN + 1 :])


@pytest.mark.parametrize(("app", "errors"), [(breaks_off, 1), (breaks_off_after_its_client_left, 0)])
async def test_an_answer_that_breaks_off_is_an_error_of_the_release_unless_its_client_left(app, errors, tmp_path: Path):
    reading = await counted(app, tmp_path)
    assert (1, errors) == (reading.requests, reading.errors)
