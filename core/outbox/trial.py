"""Whether the outbox takes more: tried, since how full it is says nothing of its disk."""

import asyncio

from core.outbox.store import MIB, Store
from core.settings import Settings


async def try_out(settings: Settings) -> None:
    """Raise OutboxFull or OutboxUnavailable where an answered message could not be kept."""
    await asyncio.to_thread(_try_out, settings)


def _try_out(settings: Settings) -> None:
    store = Store(settings.home / "outbox", settings.outbox_size_mib * MIB)
    try:
        store.try_out()
    finally:
        store.close()
