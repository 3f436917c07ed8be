"""Bringing up the release that the journal names, after a start of the host, however often it takes."""

import asyncio
from collections.abc import Awaitable, Callable

from ops.host import log
from ops.host.background import Backoff
from ops.host.inherited import Inherited
from ops.host.rollback import Rollback
from ops.host.shared import Shared
from ops.host.spec import StepFailedError, is_of_release
from ops.host.standing import Standing
from ops.host.switch import RESUME, Switch


class BringUp:
    """One function's. `on_none` is called when the journal names no release."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a change concerns
        self,
        name: str,
        shared: Shared,
        standing: Standing,
        switch: Switch,
        rollback: Rollback,
        changing: asyncio.Lock,
        inherited: Inherited,
        tell: Callable[[str], None],
        on_none: Callable[[], Awaitable[None]],
    ) -> None:
        self._name = name
        self._shared = shared
        self._standing = standing
        self._switch = switch
        self._rollback = rollback
        self._changing = changing
        self._inherited = inherited
        self._tell = tell
        self._on_none = on_none
        self._backoff = Backoff()

    async def run(self) -> None:
        """Try with back-off until something serves; the release before is tried after three faults of this one."""
        failures = 0
        if self._shared.releases.journal.damage(self._name).hides_active:
            await self._until_named()
        while self._standing.is_down:
            try:
                if not await self._resume():
                    await self._on_none()
                    return
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody else brings the function up
                self._tell(log.told(error))
                failures += is_of_release(error)
                if failures >= self._shared.rules.most_faults():
                    failures = 0
                    await self._rollback.go(None, str(error))
                await self._backoff.wait()

    async def _until_named(self) -> None:
        """What serves may be of a release that a damaged line named: it goes on, and an operator says what is to be."""
        reason = "a line of its journal cannot be read, which may have named another release"
        if self._inherited.is_serving:
            self._tell(f"{reason}: what served goes on until it is deployed again")
            self._standing.fail(StepFailedError(self._name, "journal", f"{reason}: deploy it again"))
            await self._inherited.ended()
        else:
            self._tell(f"{reason}: the last one that is named is brought up")

    async def _resume(self) -> bool:
        """Switch to the release that the journal names, unless one serves by now; False when there is none."""
        async with self._changing:
            release = self._shared.releases.journal.active(self._name)
            if self._standing.is_down and release is not None:
                await self._switch.to(release, RESUME)
            return release is not None
