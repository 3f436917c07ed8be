"""Equal work asked for at the same time is done once, and ends when nobody is left who wants it."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from core.errors import Unavailable

Result = TypeVar("Result")


class Shared(Generic[Result]):
    """A result to come. Join before you wait and leave after; the last to leave too early gives it up.

    `give_up(self)` is called then. A caller whose deadline passed leaves with `still_wanted`: the result is of use
    to the next caller, so whoever makes it may go on.
    """

    __slots__ = ("_future", "_give_up", "still_wanted", "waiting")

    def __init__(self, give_up: Callable[[Any], None]) -> None:
        self._future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
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

    async def result(self, expires_at: float | None) -> Result:
        """The result; raises TimeoutError when the loop's clock passes `expires_at`."""
        async with asyncio.timeout_at(expires_at):
            return await asyncio.shield(self._future)

    def settle(self, outcome: Result | Exception) -> None:
        """Hand the result or the error to all who wait."""
        if self.done:
            return
        if isinstance(outcome, Exception):
            self._future.set_exception(outcome)
            self._future.exception()  # seen: all may have gone by now, which is no error of ours
        else:
            self._future.set_result(outcome)


def _closing() -> Exception:
    return Unavailable("The function is ending.")


class Flight(Generic[Result]):
    """Calls with the same key share the one that is under way; `joined` counts those that did.

    A caller that is cancelled leaves the others alone, and the work is cancelled with its last caller. Whoever waits
    when the work is cancelled from outside, by `close` for one, gets the error that `closed` makes.
    """

    def __init__(self, closed: Callable[[], Exception] = _closing) -> None:
        self.joined = 0
        self._closed = closed
        self._under_way: dict[Hashable, Shared[Result]] = {}
        self._tasks: dict[Shared[Result], asyncio.Task[Result]] = {}

    async def do(
        self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]], *, expires_at: float | None = None
    ) -> Result:
        """Return (or raise) what `work` gives, started here unless an equal call is under way.

        Raises TimeoutError when the loop's clock passes `expires_at`; the work then goes on for the next caller.
        """
        shared = self._under_way.get(key)
        if shared is None:
            shared = self._start(key, work)
        else:
            self.joined += 1
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
        """End what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _start(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]) -> Shared[Result]:
        shared: Shared[Result] = Shared(lambda given_up: self._give_up(key, given_up))
        task = asyncio.create_task(work())
        self._under_way[key] = shared
        self._tasks[shared] = task
        task.add_done_callback(lambda done: self._land(key, shared, done))
        return shared

    def _give_up(self, key: Hashable, shared: Shared[Result]) -> None:
        if not shared.wanted and shared in self._tasks:
            self._forget(key, shared)  # before the cancellation arrives, nobody may join what is doomed
            self._tasks[shared].cancel()

    def _land(self, key: Hashable, shared: Shared[Result], task: asyncio.Task[Result]) -> None:
        self._forget(key, shared)
        del self._tasks[shared]
        if task.cancelled():
            shared.settle(self._closed())
        elif isinstance(error := task.exception(), Exception):
            shared.settle(error)
        else:
            shared.settle(task.result())

    def _forget(self, key: Hashable, shared: Shared[Result]) -> None:
        if self._under_way.get(key) is shared:
            del self._under_way[key]
