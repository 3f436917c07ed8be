"""Which deliveries are made side by side: so many of a kind, few of these of one shop, so that none holds up others."""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from core.outbox.event import Event, Stored

AT_ONCE = 8  # of a kind: one mail server may serve all shops, while webhooks go to theirs
AT_ONCE_A_SHOP = 2


class Places:
    """The deliveries at work."""

    def __init__(self) -> None:
        self._taken: dict[UUID, Event] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def free(self, kinds: Iterable[str]) -> list[str]:
        """Those kinds of which another may begin."""
        taken = Counter(event.kind for event in self._taken.values())
        return [kind for kind in kinds if taken[kind] < AT_ONCE]

    def take(self, due: Iterable[Stored]) -> list[Stored]:
        """Those of what is due, in its order, that may begin now: each has a place until it leaves."""
        return [stored for stored in due if self._takes(stored.event)]

    def leave(self, event_id: UUID) -> None:
        """It ended."""
        del self._taken[event_id]

    def _takes(self, event: Event) -> bool:
        alike = [one for one in self._taken.values() if one.kind == event.kind]
        of_shop = sum(one.shop_id == event.shop_id for one in alike)
        if event.id in self._taken or len(alike) >= AT_ONCE or of_shop >= AT_ONCE_A_SHOP:
            return False
        self._taken[event.id] = event
        return True
