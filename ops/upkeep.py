"""`python -m ops.upkeep`: what the data needs from time to time, once; `edge up` runs it every few minutes."""

import os
import sys
import time
from collections.abc import Iterator
from functools import partial

import psycopg

from core.db.ann import build_indexes
from core.db.dsn import owner_conninfo
from core.db.erasure import expire
from core.db.reembedding import forget_old_vectors
from core.errors import OutboxUnavailable, SettingsError
from core.outbox.store import Store
from core.settings import Settings

DAY_S = 86400


def main() -> None:
    """Delete what is too old, remove the vectors of models from before, make indexes fit; print what was done."""
    try:
        settings = Settings.from_environ(os.environ)
        if settings.database_url is None:
            sys.exit("EDGE_DATABASE_URL is needed: the owner's")
        works = (
            partial(expired, settings.database_url, settings),
            partial(forget_old_vectors, settings.database_url),
            partial(build_indexes, settings.database_url),
        )
        for work in works:
            for line in work() or ():
                print(line, flush=True)
    except (SettingsError, OutboxUnavailable, psycopg.Error) as error:
        sys.exit(str(error))


def expired(dsn: str, settings: Settings) -> Iterator[str]:
    """Delete what is older than EDGE_RETENTION_DAYS: in the database, and what the outbox gave up."""
    with psycopg.connect(owner_conninfo(dsn), autocommit=True, application_name="edge upkeep") as owner:
        yield from expire(owner, settings.retention_days)
    store = Store(settings.home / "outbox")
    try:
        gone = store.drop_dead_before(time.time() - settings.retention_days * DAY_S)
    finally:
        store.close()
    if gone:
        yield f"{gone} events that had been given up were older than {settings.retention_days} days"


if __name__ == "__main__":
    main()
