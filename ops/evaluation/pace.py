"""Work that nobody waits for: a few things at once, and again where the model was too busy."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from core.errors import ModelOverloaded, ModelUnavailable

PAUSES_S = (1.0, 4.0, 15.0, 30.0)
T = TypeVar("T")
R = TypeVar("R")


async def each(items: Iterable[T], work: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Do the work for every item, `at_once` of them at a time; the first error ends all and is raised as it is."""
    waiting = iter(items)

    async def take() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(take())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def patiently(work: Callable[[], Awaitable[R]]) -> R:
    """The result of `work`, tried again after PAUSES_S: an hour of embedding must not end with one busy second."""
    for pause_s in PAUSES_S:
        try:
            return await work()
        except (ModelUnavailable, ModelOverloaded):
            await asyncio.sleep(pause_s)
    return await work()
