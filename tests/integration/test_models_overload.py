"""More questions than the model can answer: who is refused learns it at once, and as many are answered as before."""

import asyncio
import random
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import pytest

from core.errors import ModelOverloaded
from core.models.breaker import Breaker
from core.models.lane import Lane
from core.models.queue import CALLS_IN_FLIGHT, INTERACTIVE_BATCH, CallQueue
from core.models.text import Work
from tests.parts.virtual_time import in_virtual_time

SECONDS_A_TEXT = 0.025
DEADLINE_S = 2.0
SECONDS = 60.0
# One call is three times as fast as another: other work shares the cores.
PACES = (0.6, 1.0, 1.0, 1.6, 2.2)


class Crowd(NamedTuple):
    """How many were answered in time, refused when they came, and refused after they had waited."""

    answered: int
    refused: int
    refused_late: int


async def crowd(folder: Path, load: float, *, stalls: float = 0.0, call_s: float = 0.0) -> Crowd:
    """Different questions, `load` times as many as the model answers at an even pace; a share of calls stalls 1 s.

    A call needs `call_s` beside the time of its texts: full ones then answer so many that the rate is the same.
    """
    chance, loop = random.Random(7), asyncio.get_running_loop()
    lane = Lane(folder / "model.lane")

    async def send(works):
        pace = 1.0 if stalls else chance.choice(PACES)
        text_s = SECONDS_A_TEXT * CALLS_IN_FLIGHT - call_s / INTERACTIVE_BATCH  # calls in flight share the cores
        await asyncio.sleep((chance.random() < stalls) + call_s + len(works) * text_s * pace)
        return [work.text for work in works]

    queue = CallQueue(send, breaker=Breaker(loop.time), lane=lane, limit=128, stall_s=DEADLINE_S * 0.75)

    async def ask(number: int) -> str:
        expires_at = loop.time() + DEADLINE_S
        try:
            job = queue.join(Work("", f"question {number}"), expires_at=expires_at)
        except ModelOverloaded:
            return "refused"
        late = False
        try:
            await job.result(expires_at)
        except TimeoutError:
            late = True
        finally:
            job.leave(still_wanted=late and job.call is not None)
        return "refused late" if late else "answered"

    asking = []
    for number in range(int(SECONDS * load / SECONDS_A_TEXT)):
        asking.append(asyncio.create_task(ask(number)))
        await asyncio.sleep(chance.expovariate(load / SECONDS_A_TEXT))
    outcomes = await asyncio.gather(*asking)
    await queue.close()
    lane.close()
    return Crowd(*(outcomes.count(kind) for kind in ("answered", "refused", "refused late")))


@pytest.fixture(scope="module")
def crowds(tmp_path_factory) -> dict[float, Crowd]:
    folder = tmp_path_factory.mktemp("lanes")
    return {load: in_virtual_time(crowd(folder, load)) for load in (0.4, 1.2, 2.4, 4.8)}


def test_who_comes_in_vain_learns_it_at_once_and_not_at_the_deadline(crowds):
    for load, seen in crowds.items():
        assert seen.refused_late <= 0.01 * (seen.answered + seen.refused), f"{load} times the capacity: {seen}"


def test_as_many_are_answered_as_the_model_can_however_many_ask(crowds):
    possible = SECONDS / (SECONDS_A_TEXT * mean(PACES))
    for load in (1.2, 2.4, 4.8):
        assert crowds[load].refused > 0
        assert crowds[load].answered > 0.9 * possible, f"{load} times the capacity"


def test_nobody_is_refused_where_there_is_time_for_all(crowds):
    assert crowds[0.4].refused + crowds[0.4].refused_late == 0


def test_a_stall_that_is_over_refuses_hardly_anyone(tmp_path):
    seen = in_virtual_time(crowd(tmp_path, 0.7, stalls=0.02))
    assert seen.refused_late == 0
    assert seen.refused < 0.02 * seen.answered


def test_the_time_of_a_call_itself_refuses_nobody_while_full_calls_would_do(tmp_path):
    seen = in_virtual_time(crowd(tmp_path, 0.7, call_s=0.3))
    assert seen.refused_late == 0
    assert seen.refused < 0.02 * seen.answered
