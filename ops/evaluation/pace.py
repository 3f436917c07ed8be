"""Work that nobody waits for: a few things at once, and again where the model was too busy."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from ops.importing.patience import GaveUpError, Patience

PATIENCE_S = 50.0
LONG_S = 3.0
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


def say_waiting(reason: str | None) -> None:
    """Tell whoever looks on why nothing happens."""
    if reason is not None:
        sys.stderr.write(f"waiting for the model: {reason}\n")


async def patiently(work: Callable[[], Awaitable[R]], tell: Callable[[str | None], None] | None = None) -> R:
    """The result of `work`, tried again for PATIENCE_S: an hour of embedding must not end with one busy second.

    `tell` hears why it waits: what failed, or that the first try takes long.
    """
    say = tell or (lambda _: None)
    long = asyncio.get_running_loop().call_later(LONG_S, say, "no answer yet")

    def hear(reason: str | None) -> None:
        long.cancel()  # there was one, and it says more
        say(reason)

    try:
        return await Patience(PATIENCE_S, hear).until_done(work)
    except GaveUpError as error:
        raise error.__cause__ or error from None
    finally:
        long.cancel()
