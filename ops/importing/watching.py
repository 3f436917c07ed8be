"""Finds out when files of an import were saved, made or removed; polled, as `ops.cli.watching` is, for its reasons."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ops.importing.sources import Source, find

POLL_S = 0.5
SETTLE_S = 5.0  # that others wait at most for a file that is written all the time
Marks = dict[str, tuple[int, int, int]]


class Watched:
    """The files below `given` as they were at the last look."""

    def __init__(self, given: Sequence[Path], poll_s: float = POLL_S, settle_s: float = SETTLE_S) -> None:
        self._given = given
        self._poll_s = poll_s
        self._settle_s = settle_s
        self._marks = look(given)

    async def change(self) -> None:
        """Return when something has changed since the last look, and no longer does: files are written in pieces.

        What goes on changing is waited for SETTLE_S; it is told again when it has changed further.
        """
        while (now := await self._look()) == self._marks:
            pass
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settle_s):
                while (later := await self._look()) != now:
                    now = later
        self._marks = now

    async def _look(self) -> Marks:
        await asyncio.sleep(self._poll_s)
        return await asyncio.to_thread(look, self._given)


def look(given: Sequence[Path]) -> Marks:
    """Of each file what changes when it is saved, in place or by another one renamed over it."""
    marks: Marks = {}
    for source in find(given):
        if isinstance(source, Source):
            try:
                found = source.path.stat()
            except OSError:
                continue  # gone since it was listed
            marks[source.name] = (found.st_mtime_ns, found.st_size, found.st_ino)
    return marks
