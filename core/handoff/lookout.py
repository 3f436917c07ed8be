"""Who follows hand-offs in this process, and one look at the database for all of them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from core.db import handoffs
from core.db.pool import Database
from core.errors import Unavailable

LOOK_S = 0.5


class _Follower:
    """Waits for a line after a number."""

    def __init__(self, shop_id: int, handoff_id: UUID, after: int) -> None:
        self.shop_id = shop_id
        self.handoff_id = handoff_id
        self.after = after
        self.came = asyncio.Event()


class Lookout:
    """Looks twice a second for new lines, with one statement a shop, while anybody waits for one.

    Row-level security binds a statement to one shop. LISTEN was rejected: it takes a connection of its own in every
    worker, none at all behind a pooler of transactions, and a slow look beside it for what comes while it is lost.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followers: set[_Follower] = set()
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, shop_id: int, handoff_id: UUID, after: int) -> None:
        """Return when the hand-off has a line after this number; while the database is away, later."""
        follower = _Follower(shop_id, handoff_id, after)
        self._followers.add(follower)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            await follower.came.wait()
        finally:
            self._followers.discard(follower)
            if not self._followers and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            for shop_id, followers in _by_shop(self._followers).items():
                try:
                    newest = await handoffs.newest_lines(self._database, shop_id, {one.handoff_id for one in followers})
                except Unavailable:
                    break  # what was missed is there at the next look
                except Exception:  # noqa: BLE001 - whoever follows meets it when they read, and tells it
                    newest = {}
                for one in followers:
                    if newest.get(one.handoff_id, one.after + 1) > one.after:
                        one.came.set()


def _by_shop(followers: Iterable[_Follower]) -> dict[int, list[_Follower]]:
    found: defaultdict[int, list[_Follower]] = defaultdict(list)
    for one in followers:
        found[one.shop_id].append(one)
    return found
