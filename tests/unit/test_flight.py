import asyncio

import pytest

from core.errors import ModelUnavailable, Unavailable
from core.flight import Flight
from tests.parts.faulty_models import until


class Work:
    """A piece of work that ends when the test says so, with the number of its start."""

    def __init__(self):
        self.starts = self.cancelled = 0
        self.error = None
        self.gate = asyncio.Event()

    async def __call__(self):
        self.starts += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return self.starts


async def callers(flight, work, count, key="key"):
    tasks = [asyncio.create_task(flight.do(key, work)) for _ in range(count)]
    await until(lambda: key in flight._under_way and flight._under_way[key].waiting == count)
    return tasks


async def test_equal_calls_at_the_same_time_are_one_piece_of_work():
    flight, work = Flight(), Work()
    calls = await callers(flight, work, 50)
    work.gate.set()
    assert [1] * 50 == await asyncio.gather(*calls)
    assert (1, 49) == (work.starts, flight.joined)


async def test_a_later_call_is_new_work_and_another_key_is_its_own():
    flight, work = Flight(), Work()
    work.gate.set()
    await flight.do("key", work)
    await flight.do("key", work)
    await asyncio.gather(flight.do("one", work), flight.do("two", work))
    assert 4 == work.starts


async def test_every_caller_gets_the_error_and_the_next_call_is_new_work():
    flight, work = Flight(), Work()
    work.error = ValueError("broken")
    calls = await callers(flight, work, 3)
    work.gate.set()
    assert ["broken"] * 3 == [str(error) for error in await asyncio.gather(*calls, return_exceptions=True)]
    work.error = None
    assert 2 == await flight.do("key", work)


async def test_a_caller_that_goes_away_leaves_the_others_their_answer_and_the_last_one_ends_the_work():
    flight, work = Flight(), Work()
    first, second = await callers(flight, work, 2)
    first.cancel()
    await asyncio.wait([first])
    assert 0 == work.cancelled
    second.cancel()
    await asyncio.wait([second])
    await until(lambda: work.cancelled == 1)


async def test_who_comes_while_doomed_work_ends_gets_work_of_their_own():
    flight, work = Flight(), Work()
    (only,) = await callers(flight, work, 1)
    only.cancel()
    work.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await only
    assert 2 == await flight.do("key", work)


async def test_work_goes_on_for_the_next_caller_when_a_deadline_passes():
    flight, work = Flight(), Work()
    with pytest.raises(TimeoutError):
        await flight.do("key", work, expires_at=asyncio.get_running_loop().time() + 0.001)
    work.gate.set()
    assert 1 == await flight.do("key", work)
    assert (1, 0) == (work.starts, work.cancelled)


@pytest.mark.parametrize("closed", [ModelUnavailable, Unavailable])
async def test_closing_answers_who_waits_whatever_they_wait_for(closed):
    flight, work = Flight(lambda: closed("closing")), Work()
    calls = [*await callers(flight, work, 2, "one"), *await callers(flight, work, 1, "two")]
    await flight.close()
    assert [closed] * 3 == [type(error) for error in await asyncio.gather(*calls, return_exceptions=True)]


async def test_closing_answers_who_asked_in_the_same_moment():
    flight, work = Flight(), Work()
    shared = flight._start("key", work)
    shared.join()
    await flight.close()
    with pytest.raises(Unavailable):
        await shared.result(None)
    assert 0 == work.starts
