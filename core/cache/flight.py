"""Equal work asked for at the same time is done once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Flight(Generic[Result]):
    """Calls with the same key share the one that is under way; `joined` counts those that did.

    A caller that is cancelled leaves the others alone; the work is cancelled with its last caller.
    """

    def __init__(self) -> None:
        self.joined = 0
        self._under_way: dict[Hashable, asyncio.Task[Result]] = {}
        self._callers: dict[asyncio.Task[Result], int] = {}

    async def do(self, key: Hashable, work: Callable[[], Awaitable[Result]]) -> Result:
        """Return (or raise) what `work` gives, started here unless an equal call is under way."""
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.ensure_future(_run(work))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._land(key, done))
        else:
            self.joined += 1
        self._callers[task] = self._callers.get(task, 0) + 1
        try:
            return await asyncio.shield(task)
        finally:
            self._leave(key, task)

    def _leave(self, key: Hashable, task: asyncio.Task[Result]) -> None:
        left = self._callers[task] - 1
        if left:
            self._callers[task] = left
            return
        del self._callers[task]
        if not task.done():
            task.cancel()
            self._land(key, task)  # a caller that comes now must not join what is being cancelled

    def _land(self, key: Hashable, task: asyncio.Task[Result]) -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
        if task.done() and not task.cancelled():
            task.exception()  # looked at: nobody may be left to raise it to


async def _run(work: Callable[[], Awaitable[Result]]) -> Result:
    return await work()
