"""The database as its owner, for the commands that are the operator's alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow

from core.db.dsn import owner_conninfo
from core.errors import SettingsError
from ops.cli.exits import NoHostError
from ops.cli.settings import plain_errors, read_settings
from ops.stack.folders import Folders
from ops.stack.postgres import EmbeddedPostgres


@contextmanager
def owner_connection() -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection as the database's owner; says how to start an embedded database that does not run."""
    settings = read_settings()
    dsn = settings.database_url
    if dsn is None:
        instance = Folders(settings.home)
        if instance.owner_pid() is None:
            raise NoHostError(f"nothing runs in {settings.home}: start it with `make up` or `edge up` first")
        dsn = EmbeddedPostgres(instance.postgres, instance.run / "postgres").owner_dsn
    with (
        plain_errors(SettingsError, psycopg.Error),
        psycopg.connect(owner_conninfo(dsn), autocommit=True, connect_timeout=10) as owner,
    ):
        yield owner
