"""Work of one function beside what it is asked for, and how long it waits before it tries again."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ops.host.log import told

FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 5.0
STEADY_S = 10.0  # a worker that lived this long starts the back-off anew


class Background:
    """Tasks that nobody waits for; what fails in one is told."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it beside everything else."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def cancel(self) -> None:
        """End all, and wait until they have."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._tell(told(error))


class Backoff:
    """Doubles from one try to the next."""

    def __init__(self) -> None:
        self._seconds = FIRST_BACKOFF_S

    def lived(self, started_at: float) -> None:
        """Start anew after something that had run for a while since `started_at` (monotonic seconds)."""
        if time.monotonic() - started_at >= STEADY_S:
            self._seconds = FIRST_BACKOFF_S

    async def wait(self) -> None:
        """Wait, and longer the next time."""
        waited, self._seconds = self._seconds, min(self._seconds * 2, LONGEST_BACKOFF_S)
        await asyncio.sleep(waited)
