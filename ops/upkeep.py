"""`python -m ops.upkeep`: what the data needs from time to time, once; `edge up` runs it every few minutes."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec
import psycopg

from core.db.ann import build_indexes
from core.db.dsn import owner_conninfo
from core.db.erasure import expire, expire_answers, shops
from core.db.pool import Database
from core.db.reembedding import forget_old_vectors
from core.errors import SettingsError, Unavailable
from core.handoff.desk import SILENT_FOR, Desk
from core.handoff.hours import StatedHours
from core.outbox.outbox import Outbox
from core.outbox.store import Store
from core.settings import Settings

DAY_S = 86400


def main() -> None:
    """Delete what is old, close what is silent, remove vectors of models from before, make indexes fit; say so."""
    try:
        settings = Settings.from_environ(os.environ)
        if settings.database_url is None:
            sys.exit("EDGE_DATABASE_URL is needed: the owner's")
        works = (
            partial(expired, settings.database_url, settings),
            partial(forget_old_vectors, settings.database_url),
            partial(build_indexes, settings.database_url),
            partial(ended, settings.database_url, settings),  # last: what is told of it may find the outbox full
        )
        for work in works:
            for line in work() or ():
                print(line, flush=True)
    except (SettingsError, Unavailable, psycopg.Error) as error:
        sys.exit(str(error))


def expired(dsn: str, settings: Settings) -> Iterator[str]:
    """Delete what is older than EDGE_RETENTION_DAYS, in the database and what the outbox gave up; and old answers."""
    with psycopg.connect(owner_conninfo(dsn), autocommit=True, application_name="edge upkeep") as owner:
        yield from expire(owner, settings.retention_days)
        yield from expire_answers(owner)
    store = Store(settings.home / "outbox")
    try:
        gone = store.drop_dead_before(time.time() - settings.retention_days * DAY_S)
    finally:
        store.close()
    if gone:
        yield f"{gone} events that had been given up were older than {settings.retention_days} days"


def ended(dsn: str, settings: Settings) -> Iterator[str]:
    """Close hand-offs in which nobody has said anything for days: the assistant has the conversation again."""
    with psycopg.connect(owner_conninfo(dsn), autocommit=True, application_name="edge upkeep") as owner:
        shop_ids = shops(owner)
    for shop_id, count in asyncio.run(_close_silent(settings, shop_ids)):
        yield f"shop {shop_id}: {count} hand-offs were closed, silent for {SILENT_FOR.days} days"


async def _close_silent(settings: Settings, shop_ids: Sequence[int]) -> list[tuple[int, int]]:
    database = await Database.open(msgspec.structs.replace(settings, database_pool=1))
    outbox = Outbox(settings.home / "outbox", settings.outbox_size_mib, {})  # filled here, drained by the functions
    desk = Desk(database, outbox, settings, StatedHours(database))
    try:
        closed = [(shop_id, await desk.close_silent(shop_id)) for shop_id in shop_ids]
    finally:
        await outbox.close()
        await database.close()
    return [(shop_id, count) for shop_id, count in closed if count]


if __name__ == "__main__":
    main()
