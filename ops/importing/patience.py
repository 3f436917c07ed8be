"""Parts that are away for a while: the import waits for them, says so, and gives up when nothing works for long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.errors import Unavailable

T = TypeVar("T")

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0


class GaveUpError(Exception):
    """Nothing worked for as long as was allowed; the message says what was missing."""


class Patience:
    """Repeats what may work later, until nothing has worked for `limit_s`. `tell` hears why it waits, None when not."""

    def __init__(self, limit_s: float, tell: Callable[[str | None], None]) -> None:
        self._limit_s = limit_s
        self._tell = tell
        self._worked_at: float | None = None
        self._told = False

    async def until_done(self, work: Callable[[], Awaitable[T]]) -> T:
        """The result of `work`; raises GaveUpError, and what `work` raises unless it is Unavailable."""
        wait_s = FIRST_WAIT_S
        while True:
            now = asyncio.get_running_loop().time
            self._worked_at = self._worked_at or now()
            try:
                result = await work()
            except Unavailable as error:
                if now() - self._worked_at > self._limit_s:
                    raise GaveUpError(f"{error.detail} (for {self._limit_s:.0f} s)") from error
                self._say(error.detail)
                await asyncio.sleep(wait_s)
                wait_s = min(LONGEST_WAIT_S, wait_s * 2)
            else:
                self._worked_at = now()
                self._say(None)
                return result

    def _say(self, reason: str | None) -> None:
        if self._told == (reason is not None):
            return  # once, however often and for whichever reason it is tried meanwhile
        self._told = reason is not None
        self._tell(reason)
