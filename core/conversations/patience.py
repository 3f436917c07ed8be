"""How long a visitor waits for what an answer can do without."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from core.errors import DatabaseUnavailable

T = TypeVar("T")
PATIENCE_S = 0.3


async def in_time(work: Coroutine[Any, Any, T], within_s: float = PATIENCE_S) -> T:
    """What `work` gives within the time; raises DatabaseUnavailable past it.

    What is late goes on by itself, to the limit that its connection has: to cancel a statement may take as long.
    """
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=within_s)
    if done:
        return task.result()
    task.add_done_callback(_look_at)
    raise DatabaseUnavailable("The database takes too long to answer.")


def _look_at(task: "asyncio.Future[Any]") -> None:
    # asyncio complains of an exception that nobody looked at.
    if not task.cancelled():
        task.exception()
