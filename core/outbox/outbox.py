"""The outbox as a function uses it: what was put is on the disk, and is done soon, whatever happens meanwhile."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from core.errors import EdgeError, OutboxUnavailable, Unavailable
from core.outbox.event import LANES, Event, Lane, Stored
from core.outbox.lock import holding
from core.outbox.places import AT_ONCE_A_SHOP, Places
from core.outbox.store import MIB, Store

_log = logging.getLogger(__name__)
T = TypeVar("T")
Applier = Callable[[Event], Awaitable[None]]
POLL_S = 0.5
BATCH = 50
TRIES_A_ROUND = 3  # events that find their part away before the lane rests
REST_S = 1.0
LONGEST_WAIT_S = 3600.0
CLOSE_S = 5.0  # for the events in hand when the process ends; a host kills after ten
MAX_ATTEMPTS = 14  # 1 + 2 + 4 + … s, an hour at most: about four hours


class Undeliverable(Exception):  # noqa: N818 - named as what it says of an event
    """Trying again cannot help: the event belongs on the list of the dead. The message is for the operator."""


class Outbox:
    """Keeps events, and drains them by `appliers` (of each lane, by kind) while no other process does.

    An applier that raises Unavailable is asked again as often as it takes; any other exception counts as an attempt,
    and the last one puts the event on the list of the dead, as Undeliverable does at once.
    """

    def __init__(self, folder: Path, limit_mib: int, appliers: Mapping[Lane, Mapping[str, Applier]]) -> None:
        self._folder = folder
        self._store = Store(folder, limit_mib * MIB)
        self._appliers = appliers
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._wake = {lane: asyncio.Event() for lane in LANES}
        self._drainers: list[asyncio.Task[None]] = []
        self._closing = False
        self.counts = (0, 0)  # waiting and dead, as last seen

    def start(self) -> None:
        """Drain from now on, in the background."""
        self._drainers = [asyncio.create_task(self._drain(lane)) for lane in LANES if self._appliers.get(lane)]

    async def close(self) -> None:
        """Stop draining after the events in hand; what is left is for the next process.

        What takes longer than CLOSE_S is broken off, and may be done twice.
        """
        self._closing = True
        self.wake()
        if self._drainers:
            await asyncio.wait(self._drainers, timeout=CLOSE_S)
        for drainer in self._drainers:
            drainer.cancel()
        await asyncio.gather(*self._drainers, return_exceptions=True)
        await self._do(self._store.close)
        self._thread.shutdown()

    async def put(self, *events: Event, wakes: bool = True) -> None:
        """Keep events, all or none: on the disk when this returns. Raises OutboxFull, OutboxUnavailable.

        What is about a transaction that is still open does not wake who drains: `wake` does, after the commit.
        """
        await self._do(self._store.put, events)
        if wakes:
            self.wake()

    def wake(self) -> None:
        """Drain now, and not at the next look."""
        for wake in self._wake.values():
            wake.set()

    async def pending(self, kind: str, *, topic: str | None = None, shop_id: int | None = None) -> list[Event]:
        """What waits, in order. Raises OutboxUnavailable."""
        waiting = partial(self._store.waiting, topic=topic, shop_id=shop_id)
        return [stored.event for stored in await self._do(waiting, kind)]

    async def settle(self, kind: str, within_s: float, *, topic: str | None = None, shop_id: int | None = None) -> bool:
        """Wait until what waits now is applied, `within_s` at the longest; whether it is. Raises OutboxUnavailable."""
        deadline, pause_s = time.monotonic() + within_s, 0.002
        last = await self._do(partial(self._store.newest, topic=topic, shop_id=shop_id), kind)
        waits = partial(self._store.waits, topic=topic, shop_id=shop_id)
        while is_waiting := last is not None and await self._do(waits, kind, last):
            if time.monotonic() >= deadline:
                break
            self.wake()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.05)
        return not is_waiting

    async def drain_once(self, lane: Lane) -> bool:
        """Apply what is due, unless another process is at it; whether it is worth asking again at once."""
        with holding(self._folder, lane) as mine:
            if not mine:
                return False
            return await (self._one_by_one(lane) if lane == "database" else self._side_by_side(lane))

    async def _drain(self, lane: Lane) -> None:
        while not self._closing:
            wait_s = POLL_S
            self._wake[lane].clear()
            try:
                if await self.drain_once(lane):
                    wait_s = 0.0
                self.counts = await self._do(self._store.counts)
            except EdgeError as error:
                _log.warning("the outbox cannot be drained: %s", error.__cause__ or error)
                wait_s = REST_S
            await self._pause(lane, wait_s)

    async def _pause(self, lane: Lane, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake[lane].wait()
        except TimeoutError:
            return

    async def _one_by_one(self, lane: Lane) -> bool:
        due = await self._do(self._store.due, lane, list(self._appliers[lane]), BATCH)
        in_vain = 0
        for stored in due:
            if self._closing:
                return False
            in_vain = 0 if await self._apply(lane, stored) else in_vain + 1
            if in_vain == TRIES_A_ROUND:
                return False
        return len(due) == BATCH

    async def _side_by_side(self, lane: Lane) -> bool:
        """Deliver what is due, and what becomes due meanwhile: a receiver that is slow holds up nobody else's."""
        places, failed = Places(), list[OutboxUnavailable]()
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake[lane].clear()
                for stored in await self._startable(lane, places, failed):
                    group.create_task(self._deliver(lane, stored, places, failed))
                if not places:
                    break
                await self._pause(lane, POLL_S)
        if failed:
            raise failed[0]
        return False

    async def _startable(self, lane: Lane, places: Places, failed: list[OutboxUnavailable]) -> list[Stored]:
        if failed or self._closing or not (kinds := places.free(self._appliers[lane])):
            return []
        try:
            return places.take(await self._do(self._store.due_of_each, lane, kinds, AT_ONCE_A_SHOP, BATCH))
        except OutboxUnavailable as error:
            failed.append(error)
            return []

    async def _deliver(self, lane: Lane, stored: Stored, places: Places, failed: list[OutboxUnavailable]) -> None:
        # An error that left here would break off the other deliveries, which end well and were to be made twice.
        try:
            await self._apply(lane, stored)
        except OutboxUnavailable as error:
            failed.append(error)
        finally:
            places.leave(stored.event.id)
            self._wake[lane].set()

    async def _apply(self, lane: Lane, stored: Stored) -> bool:
        """Do one event; False when a part that it needs is away."""
        event = stored.event
        try:
            await self._appliers[lane][event.kind](event)
        except OutboxUnavailable:
            raise
        except Unavailable as error:
            await self._postpone(event, REST_S, error, counted=False)
            return False
        except Undeliverable as error:
            await self._bury(event, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop what comes after it
            await self._count(stored, error)
        else:
            await self._do(self._store.done, event.id)
        return True

    async def _count(self, stored: Stored, error: Exception) -> None:
        if stored.attempts + 1 >= MAX_ATTEMPTS:
            await self._bury(stored.event, error)
            return
        _log.warning("%s %s failed and is tried again", stored.event.kind, stored.event.id, exc_info=error)
        await self._postpone(stored.event, min(2.0**stored.attempts, LONGEST_WAIT_S), error, counted=True)

    async def _postpone(self, event: Event, seconds: float, error: Exception, *, counted: bool) -> None:
        due_at = time.time() + seconds
        await self._do(partial(self._store.postpone, counted=counted), event.id, due_at, _told(error))

    async def _bury(self, event: Event, error: Exception) -> None:
        _log.error("%s %s is given up", event.kind, event.id, exc_info=error)
        await self._do(self._store.bury, event.id, _told(error))

    async def _do(self, work: Callable[..., T], *arguments: object) -> T:
        """Run in the thread that owns the file, to its end: a caller that goes away leaves nothing half done."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments))


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
