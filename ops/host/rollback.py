"""Going back to the release before, when the one that was switched to is found to be bad."""

import asyncio
from collections.abc import Callable

from ops.host import log
from ops.host.generation import Generation
from ops.host.releases import Releases
from ops.host.standing import Standing
from ops.host.switch import Change, Switch

# One fault is answered by one step back: a database that is away must not walk through history.
BACK = Change(by="host", proven=True, watched=False)


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

    async def take_back(self, generation: Generation, reason: str) -> bool:
        """Leave the active generation; False when it stays, since no release before it comes up."""
        if generation is not self._standing.active or generation is self._leaving:
            return True
        self._leaving = generation
        try:
            self._tell(f"taking back {generation.release}: {reason}")
            if await self.go(generation, reason) or generation is not self._standing.active:
                return True
            self._tell(f"{generation.release} stays, since there is nothing to go back to: {reason}")
            return False
        finally:
            self._leaving = None

    async def go(self, bad: Generation | None, reason: str) -> bool:
        """Go from the active generation, or from the release that does not become one, to the release before.

        False when there is none that comes up. True, too, when an operator changed what is active meanwhile.
        """
        async with self._changing:
            try:
                standing = self._standing.active
                named = standing.release if standing else self._releases.journal.active(self._name)
                left = bad.release if bad is not None else named
                if bad is standing:
                    previous = self._releases.take_back(self._name, left, reason) if left else None
                    if previous is not None:
                        await self._switch.to(previous, BACK)
                    return previous is not None
                if left is not None and left != named:
                    self._releases.take_back(self._name, left, reason)
            except Exception as error:  # noqa: BLE001 - whatever it was, the release that is there must be kept alive
                self._tell(f"the release before does not come back: {log.told(error)}")
                return False
        self._tell("what an operator did meanwhile stays")
        return True
