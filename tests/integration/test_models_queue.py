"""The queue over a `send` whose answers the test holds back."""

import asyncio

import pytest

from core.errors import ModelOverloaded, ModelUnavailable
from core.models.breaker import Breaker
from core.models.job import QueueState
from core.models.lane import Lane
from core.models.queue import CALLS_IN_FLIGHT, INTERACTIVE_BATCH, MOST_STALLED, CallQueue
from core.models.text import Work
from tests.parts.faulty_models import until


class Model:
    """Takes calls; `answer` lets the oldest end."""

    def __init__(self):
        self.calls = []
        self.open = []
        self.cancelled = []

    async def send(self, works):
        texts = [work.text for work in works]
        gate = asyncio.get_running_loop().create_future()
        self.calls.append(texts)
        self.open.append(gate)
        try:
            await gate
        except asyncio.CancelledError:
            self.cancelled.append(texts)
            if gate in self.open:
                self.open.remove(gate)
            raise
        return [text.upper() for text in texts]

    def answer(self):
        self.open.pop(0).set_result(None)

    def fail(self, error):
        self.open.pop(0).set_exception(error)


class Callers:
    """Callers of the queue as tasks; leaves as the gateway does."""

    def __init__(self, queue):
        self.queue = queue
        self.tasks = []

    async def one(self, text, *, bulk=False):
        job = self.queue.join(Work("", text), bulk=bulk)
        try:
            return await job.result(None)
        finally:
            job.leave()

    async def many(self, texts, *, bulk=False):
        before = len(self.tasks)
        self.tasks += [asyncio.create_task(self.one(text, bulk=bulk)) for text in texts]
        await asyncio.sleep(0)
        return self.tasks[before:]


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def breaker():
    return Breaker()


@pytest.fixture
async def lane(tmp_path):
    lane = Lane(tmp_path / "model.lane")
    yield lane
    assert not lane.busy()
    lane.close()


@pytest.fixture
async def queue(model, breaker, lane):
    queue = CallQueue(model.send, breaker=breaker, lane=lane, limit=20, stall_s=60)
    yield queue
    await queue.close()
    assert QueueState(0, 0, 0, 0, breaker.state) == queue.state


@pytest.fixture
async def callers(queue):
    callers = Callers(queue)
    yield callers
    await queue.close()
    await asyncio.gather(*callers.tasks, return_exceptions=True)


def slowed(pace):
    """A model whose calls took a second for each text of late."""
    for _ in range(20):
        pace.observe(1, 1.0)


async def drained(model, tasks):
    while not all(task.done() for task in tasks):
        await until(lambda: model.open or all(task.done() for task in tasks))
        if model.open:
            model.answer()
            await asyncio.sleep(0)
    return [task.result() for task in tasks]


async def test_texts_that_wait_while_calls_run_go_together(model, callers):
    tasks = await callers.many("abcdefghijklm")
    await until(lambda: len(model.calls) == CALLS_IN_FLIGHT)
    assert callers.queue.state.interactive == 11
    assert await drained(model, tasks) == list("ABCDEFGHIJKLM")
    assert [len(call) for call in model.calls] == [1, 1, INTERACTIVE_BATCH, 3]


async def test_equal_texts_are_sent_once(model, callers):
    tasks = await callers.many(["a"] * 10)
    assert await drained(model, tasks) == ["A"] * 10
    assert model.calls == [["a"]]


async def test_a_full_queue_refuses_the_newest_and_says_when_to_come_back(callers):
    await callers.many([str(number) for number in range(22)])
    with pytest.raises(ModelOverloaded) as refused:
        await callers.one("one more")
    assert refused.value.retry_after_s >= 1
    await callers.many(["21"])  # who asks for what waits already needs no place
    assert callers.queue.state.interactive == 20


async def test_who_would_wait_in_vain_is_refused_at_once_and_who_has_the_time_is_not(model, callers):
    clock = asyncio.get_running_loop().time
    await callers.many("abcdefgh")
    await until(lambda: len(model.calls) == CALLS_IN_FLIGHT)
    slowed(callers.queue.pace)
    with pytest.raises(ModelOverloaded):
        callers.queue.join(Work("", "too late"), expires_at=clock() + 2.0)
    callers.queue.join(Work("", "in time"), expires_at=clock() + 60.0).leave()
    callers.queue.join(Work("", "c"), expires_at=clock() + 2.0).leave()  # it waits already, whoever asks too
    assert 6 == callers.queue.state.interactive


async def test_a_model_that_was_slow_is_asked_again_where_nobody_waits(model, callers):
    slowed(callers.queue.pace)
    job = callers.queue.join(Work("", "a"), expires_at=asyncio.get_running_loop().time() + 0.5)
    await until(lambda: model.open)
    model.answer()
    assert "A" == await job.result(None)
    job.leave()


async def test_questions_overtake_bulk_work(model, callers):
    bulk = await callers.many("vwxyz", bulk=True)
    await until(lambda: len(model.calls) == 1)
    bulk += await callers.many(["second"], bulk=True)
    await until(lambda: len(model.calls) == 2)
    bulk += await callers.many(["third"], bulk=True)
    await until(lambda: len(model.calls) == 3)
    bulk += await callers.many(["bulk"], bulk=True)
    questions = await callers.many("abcd")
    await until(lambda: len(model.calls) == 4)
    assert model.calls == [list("vwxyz"), ["second"], ["third"], ["a"]]
    await drained(model, bulk + questions)
    assert model.calls[4:] == [["b", "c", "d"], ["bulk"]]


async def test_three_bulk_calls_keep_the_model_busy_and_a_fourth_waits(model, callers):
    bulk = [task for name in "abcd" for task in await callers.many([name * 900], bulk=True)]
    await until(lambda: len(model.calls) == 3)
    assert 3 == callers.queue.state.in_flight
    assert 1 == callers.queue.state.bulk
    await drained(model, bulk)


async def test_a_slow_model_is_given_one_bulk_call_at_a_time(model, callers):
    slowed(callers.queue.bulk_pace)
    bulk = [task for name in "abc" for task in await callers.many([name * 900], bulk=True)]
    await until(lambda: len(model.calls) == 1)
    assert (1, 2) == (callers.queue.state.in_flight, callers.queue.state.bulk)
    await drained(model, bulk)


async def test_bulk_work_rests_for_as_long_as_it_worked_while_visitors_ask(model, callers):
    clock = asyncio.get_running_loop().time
    questions = await callers.many("a")
    bulk = await callers.many("vw", bulk=True)
    await until(lambda: ["v"] in model.calls)
    began = clock()
    while clock() - began < 0.05:  # noqa: ASYNC110 - the time that the call takes
        await asyncio.sleep(0.005)
    await drained(model, questions + bulk[:1])
    ended = clock()
    await until(lambda: ["w"] in model.calls)
    assert clock() - ended > 0.04
    await drained(model, bulk)


async def test_bulk_work_goes_one_by_one_for_a_while_after_a_question(model, callers, monkeypatch):
    questions = await callers.many("a")
    await until(lambda: model.calls == [["a"]])
    bulk = await callers.many("vwx", bulk=True)
    model.answer()
    await until(lambda: model.calls == [["a"], ["v"]])
    monkeypatch.setattr("core.models.queue.VISITORS_S", 0.0)  # the while is over
    model.answer()
    await until(lambda: len(model.calls) == 3)
    assert ["w", "x"] == model.calls[2]
    await drained(model, questions + bulk)


async def test_bulk_work_goes_on_when_questions_never_end(model, callers):
    questions = await callers.many("ab")
    await until(lambda: len(model.calls) == 2)
    (bulk,) = await callers.many(["bulk"], bulk=True)
    await until(lambda: callers.queue._bulk_due)
    questions += await callers.many("cd")
    model.answer()
    await until(lambda: ["bulk"] in model.calls)
    assert model.calls == [["a"], ["b"], ["bulk"]]
    await drained(model, [bulk, *questions])


async def test_a_question_takes_the_bulk_job_of_the_same_text_with_it(model, callers):
    holding = await callers.many("ab")
    (bulk,) = await callers.many(["same"], bulk=True)
    (question,) = await callers.many(["same"])
    assert await drained(model, [*holding, question, bulk]) == ["A", "B", "SAME", "SAME"]
    assert model.calls == [["a"], ["b"], ["same"]]


async def test_a_caller_who_leaves_takes_nobody_with_them(model, callers):
    first, second = await callers.many("aa")
    await until(lambda: model.calls)
    first.cancel()
    await asyncio.wait([first])
    assert await drained(model, [second]) == ["A"]
    assert model.cancelled == []


async def test_a_call_ends_when_the_last_of_its_callers_has_gone(model, callers):
    await callers.many("ab")
    batch = await callers.many("cd")
    await until(lambda: len(model.calls) == 2)
    model.answer()
    await until(lambda: len(model.calls) == 3)
    batch[0].cancel()
    await asyncio.wait(batch[:1])
    assert model.cancelled == []
    batch[1].cancel()
    await until(lambda: model.cancelled == [["c", "d"]])


async def test_a_caller_who_leaves_the_queue_frees_a_place_and_is_never_sent(model, callers):
    holding = await callers.many("ab")
    await until(lambda: len(model.calls) == 2)
    (waiting,) = await callers.many(["never"])
    waiting.cancel()
    await asyncio.wait([waiting])
    assert callers.queue.state.interactive == 0
    await drained(model, holding)
    assert model.calls == [["a"], ["b"]]


async def test_a_call_given_up_before_its_first_step_leaves_no_trace(model, callers):
    job = callers.queue.join(Work("", "gone at once"))
    job.leave()
    (again,) = await callers.many(["gone at once"])
    assert await drained(model, [again]) == ["GONE AT ONCE"]
    assert model.calls == [["gone at once"]]


async def test_a_failing_call_answers_all_its_callers_and_the_next_call_runs(model, callers):
    holding = await callers.many("ab")
    batch = await callers.many("cdef")
    await until(lambda: len(model.calls) == 2)
    for _ in holding:
        model.answer()
    await until(lambda: len(model.calls) == 3)
    model.fail(ModelUnavailable("down"))
    assert [type(e) for e in await asyncio.gather(*batch, return_exceptions=True)] == [ModelUnavailable] * 4
    assert await drained(model, await callers.many("c")) == ["C"]


async def test_an_error_nobody_thought_of_loses_nobody_either(model, callers):
    (task,) = await callers.many("a")
    await until(lambda: model.open)
    model.fail(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await task


async def test_when_the_circuit_opens_those_in_line_are_answered(model, breaker, callers):
    tasks = await callers.many("abcdef")
    bulk = await callers.many("xy", bulk=True)
    await until(lambda: len(model.calls) == 2)
    breaker.failure()
    breaker.failure()
    model.fail(ModelUnavailable("down"))
    in_line = [*tasks[2:], *bulk]
    assert [type(e) for e in await asyncio.gather(*in_line, return_exceptions=True)] == [ModelUnavailable] * 6
    with pytest.raises(ModelUnavailable):
        await callers.one("g")
    model.answer()
    assert await tasks[1] == "B"


async def test_the_probe_alone_is_sent_while_the_circuit_is_half_open(model, breaker, callers):
    breaker.trip()
    breaker._probe_at = 0.0
    (probe,) = await callers.many("a")
    with pytest.raises(ModelUnavailable):
        await callers.one("b")
    assert await drained(model, [probe]) == ["A"]
    assert breaker.state == "closed"


async def test_a_call_past_its_time_opens_the_circuit_and_its_late_answer_closes_it(model, breaker, lane):
    queue = CallQueue(model.send, breaker=breaker, lane=lane, limit=20, stall_s=0.01)
    callers = Callers(queue)
    (slow,) = await callers.many(["cold"])
    await until(lambda: breaker.state == "open")
    assert QueueState(0, 0, 0, 1, "open") == queue.state
    model.answer()
    assert await slow == "COLD"
    assert breaker.state == "closed"
    await queue.close()


async def test_stalled_calls_do_not_pile_up(model, breaker, lane):
    queue = CallQueue(model.send, breaker=breaker, lane=lane, limit=20, stall_s=0.01)
    callers = Callers(queue)
    for number in range(MOST_STALLED + 1):
        breaker._probe_at = 0.0
        await callers.many([str(number)])
        await until(lambda: breaker.state == "open")
    await until(lambda: model.cancelled == [["0"]])
    with pytest.raises(ModelUnavailable):
        await callers.tasks[0]
    await queue.close()
    await asyncio.gather(*callers.tasks, return_exceptions=True)


async def test_closing_answers_everybody_and_ends_every_call(model, callers):
    tasks = await callers.many("abcdefghijklmno")
    tasks += await callers.many("vwxyz", bulk=True)
    await until(lambda: len(model.calls) == 2)
    await callers.queue.close()
    assert [type(e) for e in await asyncio.gather(*tasks, return_exceptions=True)] == [ModelUnavailable] * 20
    assert sorted(model.cancelled) == [["a"], ["b"]]
    with pytest.raises(ModelUnavailable):
        await callers.one("late")
