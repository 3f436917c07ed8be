"""How a command reaches the database and the model of the instance that runs in EDGE_HOME, or those that are named."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psycopg
from psycopg.rows import TupleRow

from core.db.dsn import application_conninfo, owner_conninfo
from core.errors import SettingsError
from core.outbox.store import lies_in
from core.settings import Settings
from ops.cli.exits import NoHostError
from ops.cli.settings import plain_errors, read_settings
from ops.stack.folders import Folders
from ops.stack.postgres import EmbeddedPostgres

CONNECT_TIMEOUT_S = 10


def running_settings(*, model: bool = False) -> Settings:
    """The settings with the addresses of the embedded parts in them; says how to start those that do not run."""
    settings = read_settings()
    instance = Folders(settings.home)
    if settings.database_url is None:
        _require(instance, "EDGE_DATABASE_URL")
        server = EmbeddedPostgres(instance.postgres, instance.run / "postgres")
        settings = msgspec.structs.replace(
            settings, database_url=server.owner_dsn, database_app_url=settings.database_app_url or server.app_dsn
        )
    if model and settings.ollama_url is None:
        _require(instance, "EDGE_OLLAMA_URL")
        settings = msgspec.structs.replace(settings, ollama_url=f"unix:{instance.run / 'model.sock'}")
    return settings


@contextmanager
def owner_connection() -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection as the database's owner."""
    with plain_errors(SettingsError, psycopg.Error), connect_owner(running_settings()) as owner:
        yield owner


def connect_owner(settings: Settings) -> psycopg.Connection[TupleRow]:
    """The same of settings that are complete. Raises psycopg.Error."""
    assert settings.database_url is not None
    return psycopg.connect(owner_conninfo(settings.database_url), autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)


@contextmanager
def application_connection() -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection as the functions have them: row-level security binds it."""
    with (
        plain_errors(SettingsError, psycopg.Error),
        psycopg.connect(application_conninfo(running_settings()), autocommit=True) as connection,
    ):
        yield connection


def outbox_folder(settings: Settings) -> Path:
    """Where the outbox of EDGE_HOME lies; without one, this is hardly the instance that is meant."""
    folder = settings.home / "outbox"
    if not lies_in(folder):
        raise NoHostError(
            f"there is no outbox in {folder}: set EDGE_HOME to the folder of the instance, or start one with `edge up`"
        )
    return folder


def _require(instance: Folders, variable: str) -> None:
    if instance.owner_pid() is None:
        raise NoHostError(
            f"nothing runs in {instance.home}: start it with `make up` or `edge up` first, or set {variable}"
        )
