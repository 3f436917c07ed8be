import asyncio

import pytest

from core.cache.flight import Flight


class Work:
    """A piece of work that ends when the test says so."""

    def __init__(self, result="done"):
        self.starts = 0
        self.cancelled = 0
        self.result = result
        self.started = asyncio.Event()
        self.gate = asyncio.Event()

    async def __call__(self):
        self.starts += 1
        self.started.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


async def test_equal_calls_at_the_same_time_are_one_piece_of_work():
    flight, work = Flight(), Work()
    calls = [asyncio.ensure_future(flight.do("key", work)) for _ in range(50)]
    await work.started.wait()
    work.gate.set()
    assert await asyncio.gather(*calls) == ["done"] * 50
    assert (work.starts, flight.joined) == (1, 49)


async def test_a_later_call_is_new_work_and_another_key_is_its_own():
    flight, work = Flight(), Work()
    work.gate.set()
    await flight.do("key", work)
    await flight.do("key", work)
    await asyncio.gather(flight.do("one", work), flight.do("two", work))
    assert work.starts == 4


async def test_every_caller_gets_the_error():
    flight, work = Flight(), Work(ValueError("broken"))
    calls = [asyncio.ensure_future(flight.do("key", work)) for _ in range(3)]
    await work.started.wait()
    work.gate.set()
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [str(error) for error in found] == ["broken"] * 3


async def test_a_caller_that_goes_away_leaves_the_others_their_answer():
    flight, work = Flight(), Work()
    first, second = (asyncio.ensure_future(flight.do("key", work)) for _ in range(2))
    await work.started.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.gate.set()
    assert await second == "done"
    assert (work.starts, work.cancelled) == (1, 0)


async def test_the_work_ends_with_its_last_caller_and_the_next_call_starts_anew():
    flight, work = Flight(), Work()
    only = asyncio.ensure_future(flight.do("key", work))
    await work.started.wait()
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only
    work.gate.set()
    assert await flight.do("key", work) == "done"
    assert (work.starts, work.cancelled) == (2, 1)
