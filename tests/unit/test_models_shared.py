import asyncio

import pytest

from core.errors import ModelUnavailable
from core.models.shared import Flight
from tests.parts.faulty_models import until


class Computation:
    def __init__(self):
        self.runs = self.cancelled = 0
        self.gate = asyncio.Event()
        self.error = None

    async def __call__(self):
        self.runs += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return self.runs


def later():
    return asyncio.get_running_loop().time() + 10


async def waiting(flight, count):
    tasks = [asyncio.create_task(flight.result(later())) for _ in range(count)]
    await until(lambda: flight._shared is not None and flight._shared.waiting == count)
    return tasks


async def test_all_who_ask_share_one_run():
    compute = Computation()
    tasks = await waiting(Flight(compute), 5)
    compute.gate.set()
    assert await asyncio.gather(*tasks) == [1] * 5


async def test_an_error_reaches_all_and_the_next_run_is_a_new_one():
    compute = Computation()
    compute.error = ModelUnavailable("down")
    flight = Flight(compute)
    tasks = await waiting(flight, 3)
    compute.gate.set()
    assert [type(e) for e in await asyncio.gather(*tasks, return_exceptions=True)] == [ModelUnavailable] * 3
    compute.error = None
    assert await flight.result(later()) == 2


async def test_a_cancelled_waiter_leaves_the_others_alone_and_the_last_one_ends_the_run():
    compute = Computation()
    flight = Flight(compute)
    first, second = await waiting(flight, 2)
    first.cancel()
    await asyncio.wait([first])
    assert compute.cancelled == 0
    second.cancel()
    await asyncio.wait([second])
    await until(lambda: compute.cancelled == 1)


async def test_who_comes_while_a_doomed_run_ends_gets_a_run_of_their_own():
    compute = Computation()
    flight = Flight(compute)
    (only,) = await waiting(flight, 1)
    only.cancel()
    compute.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await only
    assert await flight.result(later()) == 2


async def test_a_run_goes_on_for_the_next_when_a_deadline_passes():
    compute = Computation()
    flight = Flight(compute)
    with pytest.raises(TimeoutError):
        await flight.result(asyncio.get_running_loop().time() + 0.001)
    compute.gate.set()
    assert await flight.result(later()) == 1
    assert (compute.runs, compute.cancelled) == (1, 0)


async def test_closing_answers_who_waits():
    flight = Flight(Computation())
    tasks = await waiting(flight, 2)
    await flight.close()
    assert [type(e) for e in await asyncio.gather(*tasks, return_exceptions=True)] == [ModelUnavailable] * 2


async def test_closing_answers_who_asked_in_the_same_moment():
    compute = Computation()
    flight = Flight(compute)
    shared = flight._start()
    shared.join()
    await flight.close()
    with pytest.raises(ModelUnavailable):
        await shared.result(None)
    assert compute.runs == 0
