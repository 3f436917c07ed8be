"""Workers of one function that a host before this one left serving."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from ops.host.process import Predecessor, retire


class Inherited:
    """They serve until the first generation of this host does, and are then brought to a good end."""

    def __init__(self, name: str, run_dir: Path) -> None:
        self._name = name
        self._run_dir = run_dir
        self._processes: list[Predecessor] = []

    def take(self, processes: Iterable[Predecessor]) -> list[Predecessor]:
        """Take them over; returns those that no visitor was ever switched to, which are to be dismissed at once."""
        self._processes += processes
        serving = self._serving_generation()
        return [one for one in self._processes if one.generation > serving]

    async def ended(self) -> None:
        """Wait until none of them serves."""
        for one in [*self._processes]:
            await one.ended()

    @property
    def is_serving(self) -> bool:
        """Whether visitors reach one of them."""
        return any(not one.has_ended for one in self._processes)

    async def end_rivals(self, found: Iterable[Predecessor], latest: int) -> None:
        """End those of generations after `latest`, this host's last, but for the one that visitors reach."""
        reached = max(latest, self._serving_generation())
        await self.dismiss([one for one in found if one.generation > reached], 0, 0)

    async def dismiss(
        self, processes: Iterable[Predecessor] | None = None, drain_s: float = 0, kill_after_s: float = 10.0
    ) -> None:
        """End them, all without `processes`, and let them finish before for at most `drain_s`."""
        dismissed = [*self._processes] if processes is None else [*processes]
        turned = _Turns(dismissed)
        await retire(dismissed, drain_s, kill_after_s, is_awaited=turned.are_due)
        for one in dismissed:
            (self._run_dir / f"{self._name}.{one.generation}.sock").unlink(missing_ok=True)
        self._processes = [one for one in self._processes if one not in dismissed]

    def _serving_generation(self) -> int:
        """The number of the generation that visitors reach, 0 for none."""
        with contextlib.suppress(OSError, ValueError):
            return int((self._run_dir / f"{self._name}.sock").readlink().name.split(".")[1])
        return 0


class _Turns:
    """Whether each loop has turned, idle, since it last had work in hand.

    The backlog of an earlier host's socket cannot be looked into; a loop that turned has taken up what waited there.
    """

    def __init__(self, processes: list[Predecessor]) -> None:
        self._idle_since = {one: one.reading().heartbeats for one in processes}

    def are_due(self) -> bool:
        due = False
        for one in self._idle_since:
            reading = one.reading()
            if reading.in_flight:
                self._idle_since[one] = reading.heartbeats
            # The next beat may have been on its way; the one after it was not.
            due |= not one.has_ended and reading.heartbeats - self._idle_since[one] < 2  # noqa: PLR2004
        return due
