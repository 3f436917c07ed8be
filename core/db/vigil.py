"""Whether the server says anything at all: asked on a connection of its own, so that no visitor has to wait for it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import psycopg

LOOK_S = 0.25  # a statement that takes this long is looked into
SILENT_S = 1.0  # how long a server may take to let somebody in; a busy one takes some milliseconds
HEARD_S = 1.0  # a server that spoke is not asked again for so long: asking costs it a session
SLICE_S = 0.05  # of waiting, as long as the loop may be late


class Vigil:
    """Tells a slow statement from a server that is stopped, or a network that swallows.

    Who lets us in is alive, and may take its time over a statement; who refuses, or is not there, has answered too. A
    silent one is asked until it speaks. `on_silence` and `on_answer` are called when it falls silent and speaks again.
    """

    def __init__(
        self, conninfo: str, on_silence: Callable[[], None], on_answer: Callable[[], None], silent_s: float = SILENT_S
    ) -> None:
        self._conninfo = conninfo
        self._on_silence = on_silence
        self._on_answer = on_answer
        self._silent_s = silent_s
        self._asking: asyncio.Task[None] | None = None
        self._not_before = float("-inf")
        self.silent = False

    def look(self) -> None:
        """Ask, unless it is being asked, or spoke a moment ago."""
        if self._asking is None and asyncio.get_running_loop().time() >= self._not_before:
            self._asking = asyncio.create_task(self._ask())

    async def close(self) -> None:
        """Ask no more."""
        self._not_before = float("inf")
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking

    async def _ask(self) -> None:
        verdict = asyncio.create_task(self._wait_in_vain())
        try:
            while not await self._speaks():
                pass
            self._not_before = asyncio.get_running_loop().time() + HEARD_S
        finally:
            verdict.cancel()
            self._asking = None
            if self.silent:
                self.silent = False
                self._on_answer()

    async def _wait_in_vain(self) -> None:
        """Time in which the loop stood still does not count: the answer may lie there, unread."""
        loop = asyncio.get_running_loop()
        waited_s = 0.0
        while waited_s < self._silent_s:
            due = loop.time() + SLICE_S
            await asyncio.sleep(SLICE_S)
            if loop.time() - due < SLICE_S:
                waited_s += SLICE_S
        self.silent = True
        self._on_silence()

    async def _speaks(self) -> bool:
        """Whether the server said anything, be it no; where it does not, this takes as long as a connection may."""
        begun = asyncio.get_running_loop().time()
        try:
            conn = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        except psycopg.Error:
            return asyncio.get_running_loop().time() - begun < self._silent_s
        await conn.close()
        return True
