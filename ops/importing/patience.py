"""Parts that are away for a while: the import waits for them, says so, and gives up when nothing works for long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.errors import Unavailable

T = TypeVar("T")

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0
# Work that fails so often in a row while its parts answer others is to blame itself. Further apart than an Embedder
# remembers that its model answered: one that died a moment ago is not taken for one that lives.
OWN_TRIES = 3
OWN_WAIT_S = 3.0


class GaveUpError(Exception):
    """Nothing worked for as long as was allowed; the message says what was missing."""


class Patience:
    """Repeats what may work later, until nothing has worked for `limit_s`. `tell` hears why it waits, None when not."""

    def __init__(self, limit_s: float, tell: Callable[[str | None], None]) -> None:
        self._limit_s = limit_s
        self._tell = tell
        self._worked_at: float | None = None
        self._told = False

    async def until_done(
        self,
        work: Callable[[], Awaitable[T]],
        blames: Callable[[Unavailable], Awaitable[bool]] | None = None,
    ) -> T:
        """The result of `work`; raises GaveUpError, and what `work` raises unless it is Unavailable.

        That is raised, too, when it comes OWN_TRIES times in a row and `blames` says each time that the part which it
        speaks of answers others.
        """
        wait_s, own = FIRST_WAIT_S, 0
        while True:
            now = asyncio.get_running_loop().time
            self._worked_at = self._worked_at or now()
            try:
                result = await work()
            except Unavailable as error:
                own = own + 1 if blames is not None and await blames(error) else 0
                if own == OWN_TRIES:
                    raise
                if not own and now() - self._worked_at > self._limit_s:
                    raise GaveUpError(f"{error.detail} (for {self._limit_s:.0f} s)") from error
                self._say(error.detail)
                await asyncio.sleep(OWN_WAIT_S if own else wait_s)
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
