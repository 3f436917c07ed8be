"""Going back to the release before, when the one that was switched to is found to be bad."""

import asyncio
import time
from collections.abc import Callable
from enum import Enum, auto

from ops.host import log
from ops.host.generation import Generation
from ops.host.releases import Releases
from ops.host.standing import Standing
from ops.host.switch import Change, Left, Switch

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


class Outcome(Enum):
    """What became of going back."""

    BACK = auto()  # or an operator changed meanwhile what is active
    NONE_BEFORE = auto()
    FAILED = auto()  # the release before does not come up, or the journal cannot be written: to be tried again


class Rollback:
    """One function's."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a change concerns
        self,
        name: str,
        releases: Releases,
        standing: Standing,
        switch: Switch,
        changing: asyncio.Lock,
        tell: Callable[[str], None],
    ) -> None:
        self._name = name
        self._releases = releases
        self._standing = standing
        self._switch = switch
        self._changing = changing
        self._tell = tell
        self._leaving: Generation | None = None  # what is being taken back
        self._pause_s = 0.0
        self._not_before = 0.0  # monotonic seconds

    async def take_back(self, generation: Generation, reason: str) -> bool:
        """Leave the active generation; False when it stays, since there is no release before it.

        When the release before does not come up, a later call tries again.
        """
        if generation is not self._standing.active or generation is self._leaving:
            return True
        if time.monotonic() < self._not_before:
            return True
        self._leaving = generation
        try:
            self._tell(f"taking back {generation.release}: {reason}")
            outcome = await self.go(generation, reason)
        finally:
            self._leaving = None
        self._pause_s = min(2 * self._pause_s or FIRST_PAUSE_S, LONGEST_PAUSE_S) if outcome is Outcome.FAILED else 0.0
        self._not_before = time.monotonic() + self._pause_s
        if outcome is Outcome.NONE_BEFORE:
            self._tell(f"{generation.release} stays, since there is nothing to go back to: {reason}")
        return outcome is not Outcome.NONE_BEFORE

    async def go(self, bad: Generation | None, reason: str) -> Outcome:
        """Go from the active generation, or from the release that does not become one, to the release before."""
        async with self._changing:
            try:
                if bad is self._standing.active:
                    return await self._back(bad, reason)
                self._condemn(bad, reason)
            except Exception as error:  # noqa: BLE001 - whatever it was, the release that is there must be kept alive
                self._tell(f"the release before does not come back, it is tried again: {log.told(error)}")
                return Outcome.FAILED
        self._tell("what an operator did meanwhile stays")
        return Outcome.BACK

    async def _back(self, bad: Generation | None, reason: str) -> Outcome:
        left = bad.release if bad is not None else self._releases.journal.active(self._name)
        previous = self._releases.before(self._name, left) if left else None
        if left is None or previous is None:
            return Outcome.NONE_BEFORE
        # One fault is answered by one step back: a database that is away must not walk through history.
        change = Change(by="host", proven=True, watched=False, left=Left(left, "watch", reason))
        await self._switch.to(previous, change)
        return Outcome.BACK

    def _condemn(self, bad: Generation | None, reason: str) -> None:
        """Another release is active by now: this one is not to be gone back to."""
        active = self._standing.active
        if bad is not None and (active is None or active.release != bad.release):
            self._releases.journal.append(
                self._name, "failed", by="host", release=bad.release, step="watch", reason=reason
            )
