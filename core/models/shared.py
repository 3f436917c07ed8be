"""A result that several callers wait for, and whose making ends when none of them is left."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from core.errors import ModelUnavailable

T = TypeVar("T")


class Shared(Generic[T]):
    """A result to come. Join before you wait and leave after; the last to leave too early gives it up.

    `give_up(self)` is called then. A caller whose deadline passed leaves with `still_wanted`: the result is of use
    to the next caller, so whoever makes it may go on.
    """

    __slots__ = ("_future", "_give_up", "still_wanted", "waiting")

    def __init__(self, give_up: Callable[[Any], None]) -> None:
        self._future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._give_up = give_up
        self.still_wanted = False
        self.waiting = 0

    @property
    def done(self) -> bool:
        """Whether there is a result or an error."""
        return self._future.done()

    @property
    def wanted(self) -> bool:
        """Whether anyone has a use for the result."""
        return self.waiting > 0 or self.still_wanted

    def join(self) -> None:
        """Be one of those who wait."""
        self.waiting += 1

    def leave(self, *, still_wanted: bool = False) -> None:
        """Wait no longer."""
        self.waiting -= 1
        self.still_wanted = self.still_wanted or still_wanted
        if not self.waiting and not self.done:
            self._give_up(self)

    async def result(self, expires_at: float | None) -> T:
        """The result; raises TimeoutError when the loop's clock passes `expires_at`."""
        async with asyncio.timeout_at(expires_at):
            return await asyncio.shield(self._future)

    def settle(self, outcome: T | Exception) -> None:
        """Hand the result or the error to all who wait."""
        if self.done:
            return
        if isinstance(outcome, Exception):
            self._future.set_exception(outcome)
            self._future.exception()  # seen: all may have gone by now, which is no error of ours
        else:
            self._future.set_result(outcome)


class Flight(Generic[T]):
    """At most one run of a computation at a time: who asks while it runs gets its result."""

    def __init__(self, compute: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._compute = compute
        self._shared: Shared[T] | None = None
        self._task: asyncio.Task[T] | None = None

    async def result(self, expires_at: float | None = None) -> T:
        """The result of the run in flight, or of a new one. Raises what it raises, TimeoutError at `expires_at`."""
        shared = self._shared or self._start()
        shared.join()
        late = False
        try:
            return await shared.result(expires_at)
        except TimeoutError:
            late = True
            raise
        finally:
            shared.leave(still_wanted=late)

    async def close(self) -> None:
        """End a run in flight; whoever waits for it gets ModelUnavailable."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _start(self) -> Shared[T]:
        shared: Shared[T] = Shared(self._given_up)
        self._shared = shared
        self._task = asyncio.create_task(self._compute())
        self._task.add_done_callback(lambda task: self._end(shared, task))
        return shared

    def _given_up(self, shared: Shared[T]) -> None:
        if not shared.wanted and shared is self._shared and self._task is not None:
            self._shared = None  # before the cancellation arrives, nobody may join what is doomed
            self._task.cancel()

    def _end(self, shared: Shared[T], task: "asyncio.Task[T]") -> None:
        if self._shared is shared:
            self._shared = None
        if task.cancelled():
            shared.settle(ModelUnavailable("the client of the model server is closing"))
        elif isinstance(error := task.exception(), Exception):
            shared.settle(error)
        else:
            shared.settle(task.result())
