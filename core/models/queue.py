"""The queue in front of the model: one call for equal texts, small batches, interactive before bulk, bounded."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from core.errors import ModelOverloaded, ModelUnavailable
from core.models.breaker import Breaker
from core.models.client import CLOSING
from core.models.job import BULK_TEXTS, Call, Job, Line, QueueState, left_s, take_batch, take_piece
from core.models.lane import Lane
from core.models.pace import Pace
from core.models.text import Work

T = TypeVar("T")

CALLS_IN_FLIGHT = 2
INTERACTIVE_BATCH = 8
BULK_PATIENCE_S = 1.0
VISITORS_S = 2.0
BULK_CALLS = 3
BULK_WAIT_S = 0.3
BULK_REST_S = 1.0
MOST_STALLED = 2
LONGEST_RETRY_S = 30
# Of the time that someone has, how much the line may take by the speed of late. Who is let in is then answered in time
# by a model that has become half as fast, too. With all of it a full line stands at the deadline, where the model works
# for those who have just given up: the more come, the fewer are answered.
LET_IN = 0.5


class CallQueue(Generic[T]):
    """Texts go in, calls of `send` come out; `send` returns a result or an error for each of its texts, in order.

    At most CALLS_IN_FLIGHT calls at once, one of them bulk. While no visitor asks, up to BULK_CALLS bulk calls go
    beside them, so that the model is busy between two of them; they take no place from anyone, and a model that needs
    longer than BULK_WAIT_S for what it has gets no more: that is how long the first visitor waits. For a while after
    any question bulk work rests for as long as it works. `limit` bounds the texts that wait, in each of the two lines.
    An interactive call that takes longer than `stall_s` trips the breaker and gives its place free, but goes on: a cold
    model that answers late closes the breaker. `pace` and `bulk_pace` are learnt from the calls of each line.
    """

    def __init__(
        self,
        send: Callable[[list[Work]], Awaitable[Sequence[T | Exception]]],
        *,
        breaker: Breaker,
        lane: Lane,
        limit: int,
        stall_s: float,
    ) -> None:
        self._send = send
        self._breaker = breaker
        self._lane = lane
        self._limit = limit
        self._stall_s = stall_s
        self._jobs: dict[Work, Job[T]] = {}
        self._interactive: Line[T] = {}
        self._bulk: Line[T] = {}
        self._flight: set[Call[T]] = set()
        self._stalled: dict[Call[T], None] = {}
        self._bulk_calls: set[Call[T]] = set()
        self._bulk_due = False
        self._bulk_rest_s = 0.0
        self._bulk_turns: asyncio.Task[None] | None = None
        self.pace, self.bulk_pace = Pace(), Pace()
        self._closed = False

    @property
    def state(self) -> QueueState:
        """What waits and what runs, now."""
        return QueueState(
            len(self._interactive), len(self._bulk), len(self._flight), len(self._stalled), self._breaker.state
        )

    def join(self, work: Work, *, bulk: bool = False, expires_at: float | None = None) -> Job[T]:
        """The job of this text, joined: the caller must `leave` it.

        Raises ModelUnavailable (closed, or the circuit is open) and ModelOverloaded: the line is full, or so long
        that whoever has to have the result by `expires_at` of the loop's clock might wait in vain.
        """
        if self._closed:
            raise ModelUnavailable(CLOSING)
        self._breaker.check()
        job = self._jobs.get(work)
        if job is None:
            if expires_at is not None and self.is_full(expires_at):
                raise self.overloaded()
            job = self._enqueue(work, bulk=bulk)
        elif job.bulk and not bulk:
            self._promote(job)
        job.join()
        self._pump()
        return job

    def retry_after_s(self) -> int:
        """Whole seconds until what waits now is done, by the pace of late."""
        bulk_s = len(self._bulk) * self.bulk_pace.call_s(BULK_TEXTS) / BULK_TEXTS
        return max(1, min(LONGEST_RETRY_S, math.ceil(self._wait_s() + bulk_s)))

    def is_full(self, expires_at: float) -> bool:
        """Whether a visitor who comes now, and has to have the result by then, finds no place or might wait in vain."""
        if not self._interactive:
            # The next call tells how fast the model is by now: never refused, or one slow answer would refuse all
            # that come after it.
            return False
        time_s = expires_at - asyncio.get_running_loop().time()
        return len(self._interactive) >= self._limit or self._wait_s() > time_s * LET_IN

    def awaits(self, work: Work) -> bool:
        """Whether this text is in a line or in a call: who joins it takes no place."""
        return work in self._jobs

    def overloaded(self) -> ModelOverloaded:
        """What to tell whoever is refused now."""
        return ModelOverloaded("too many wait for the model", retry_after_s=self.retry_after_s())

    def _wait_s(self) -> float:
        """Seconds until a visitor who comes now has an answer: the calls at work and before theirs, then their own."""
        calls, texts = divmod(len(self._interactive), INTERACTIVE_BATCH)
        before_s = left_s(self._flight) + calls * self.pace.call_s(INTERACTIVE_BATCH)
        return before_s / CALLS_IN_FLIGHT + self.pace.call_s(texts + 1)

    def refuse_waiting(self, error: ModelUnavailable) -> None:
        """Answer all who wait in line: the model cannot be asked now."""
        for job in [*self._interactive, *self._bulk]:
            self._finish(job, error)

    async def close(self) -> None:
        """Refuse who comes, answer who waits, end the calls in flight."""
        self._closed = True
        closing = ModelUnavailable(CLOSING)
        calls = [*self._flight, *self._stalled]
        for job in [*self._jobs.values(), *(job for call in calls for job in call.jobs)]:
            self._finish(job, closing)
        tasks = [call.task for call in calls]
        if self._bulk_turns is not None:
            tasks.append(self._bulk_turns)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _enqueue(self, work: Work, *, bulk: bool) -> Job[T]:
        line = self._bulk if bulk else self._interactive
        if len(line) >= self._limit:
            raise self.overloaded()
        job = Job(work, self._given_up, bulk=bulk)
        self._jobs[work] = job
        line[job] = None
        if not bulk:
            self._lane.enter()
        return job

    def _promote(self, job: Job[T]) -> None:
        job.bulk = False
        self._lane.enter()
        if job.call is None:
            del self._bulk[job]
            self._interactive[job] = None

    def _finish(self, job: Job[T], outcome: T | Exception) -> None:
        if job.done:
            return
        self._forget(job)
        job.settle(outcome)

    def _forget(self, job: Job[T]) -> None:
        if self._jobs.get(job.work) is not job:
            return
        del self._jobs[job.work]
        self._interactive.pop(job, None)
        self._bulk.pop(job, None)
        if not job.bulk:
            self._lane.leave()

    def _given_up(self, job: Job[T]) -> None:
        if job.call is None:
            self._forget(job)
        elif not job.call.wanted:
            # Nobody may join what is doomed: out of sight before the cancellation arrives.
            for doomed in job.call.jobs:
                self._forget(doomed)
            job.call.task.cancel()

    def _pump(self) -> None:
        if self._closed:
            return
        # A bulk piece whose turn has come keeps one place.
        while self._interactive and self._places_taken < CALLS_IN_FLIGHT - self._bulk_due:
            self._start(take_batch(self._interactive, INTERACTIVE_BATCH), self.pace, stall_s=self._stall_s)
        if self._bulk and (self._bulk_turns is None or self._bulk_turns.done()):
            self._bulk_turns = asyncio.create_task(self._take_bulk_turns())

    async def _take_bulk_turns(self) -> None:
        while self._bulk:
            while not self._may_start_bulk():
                await asyncio.wait([call.task for call in self._bulk_calls], return_when=asyncio.FIRST_COMPLETED)
            if self._lane.asked_within(VISITORS_S):
                await asyncio.sleep(self._bulk_rest_s)  # the processors are the visitors' as well, not only the model
            await self._lane.clear(BULK_PATIENCE_S)
            self._bulk_due = True
            try:
                while self._places_taken >= CALLS_IN_FLIGHT:
                    running = [call.task for call in self._flight]
                    # A stalled call gives its place free without an end: look again after that time.
                    await asyncio.wait(running, timeout=self._stall_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._bulk_due = False
            if self._bulk and (call := self._start(self._take_piece(), self.bulk_pace)):
                self._bulk_calls.add(call)

    def _may_start_bulk(self) -> bool:
        if not self._bulk_calls:
            return True
        if len(self._bulk_calls) >= BULK_CALLS or self._lane.asked_within(VISITORS_S):
            return False
        return left_s(self._flight) / len(self._flight) <= BULK_WAIT_S

    @property
    def _places_taken(self) -> int:
        return len(self._flight) - max(0, len(self._bulk_calls) - 1)

    def _take_piece(self) -> list[Job[T]]:
        # While visitors ask, one text at a time: the model's other thread, if it has one, stays free for them.
        most = 1 if self._lane.asked_within(VISITORS_S) else BULK_TEXTS
        return take_piece(self._bulk, most)

    def _start(self, jobs: Sequence[Job[T]], pace: Pace, stall_s: float | None = None) -> Call[T] | None:
        try:
            self._breaker.begin()
        except ModelUnavailable as error:
            for job in jobs:
                self._finish(job, error)
            return None
        call = Call(jobs, asyncio.get_running_loop().time(), pace)
        for job in jobs:
            job.call = call
        self._flight.add(call)
        call.task = asyncio.create_task(self._run(call))
        # A task that is cancelled before its first step runs none of its code: what must happen stands here.
        call.task.add_done_callback(lambda _: self._end(call))
        if stall_s is not None:
            call.timer = asyncio.get_running_loop().call_later(stall_s, self._stall, call)
        return call

    async def _run(self, call: Call[T]) -> None:
        try:
            outcomes = await self._send([job.work for job in call.jobs])
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            outcomes = [error] * len(call.jobs)
        call.outcomes = outcomes

    def _end(self, call: Call[T]) -> None:
        if call.timer is not None:
            call.timer.cancel()
        took_s = asyncio.get_running_loop().time() - call.begun_at
        self._flight.discard(call)
        if call in self._bulk_calls:
            self._bulk_calls.discard(call)
            self._bulk_rest_s = min(BULK_REST_S, took_s)
        self._stalled.pop(call, None)
        outcomes = call.outcomes
        if outcomes is None:
            self._breaker.withdraw()
            outcomes = [ModelUnavailable("the call of the model was given up")] * len(call.jobs)
        elif self._judge(outcomes):
            call.pace.observe(len(outcomes), took_s)
        self._pump()  # first: the model is at work again before those who are answered take the processor
        for job, outcome in zip(call.jobs, outcomes, strict=True):
            self._finish(job, outcome)

    def _judge(self, outcomes: Sequence[T | Exception]) -> bool:
        """Tell the circuit of a call that ended by itself; returns whether the model answered."""
        if all(isinstance(outcome, Exception) for outcome in outcomes):
            self._breaker.failure()
            self._refuse_when_open()
            return False
        self._breaker.success()
        return True

    def _stall(self, call: Call[T]) -> None:
        self._flight.discard(call)
        self._stalled[call] = None
        if len(self._stalled) > MOST_STALLED:
            next(iter(self._stalled)).task.cancel()
        self._breaker.trip()
        self._refuse_when_open()
        self._pump()

    def _refuse_when_open(self) -> None:
        if self._breaker.state == "open":
            self.refuse_waiting(ModelUnavailable("the model server is down"))
