"""The database and the model server for one command: those that run, else started for its time."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from core.settings import Settings
from ops.stack import child
from ops.stack.database import bring_up_to_date
from ops.stack.folders import Folders
from ops.stack.instance import Instance
from ops.stack.parts import ModelServerPart, PostgresPart, environ_of
from ops.stack.postgres import EmbeddedPostgres


@contextmanager
def model_settings(settings: Settings) -> Iterator[Settings]:
    """Settings with a model server that answers: EDGE_OLLAMA_URL's, the running stack's, or an own one."""
    if settings.ollama_url is not None:
        yield settings
        return
    running = ModelServerPart(Instance(settings.home), {})
    if running.is_ready():
        yield msgspec.structs.replace(settings, ollama_url=running.url)
        return
    with tempfile.TemporaryDirectory(prefix="edge-model-") as temporary:
        instance = Instance(Path(temporary))
        for folder in (instance.logs, instance.home / "run"):
            folder.mkdir()
        own = ModelServerPart(instance, environ_of(instance, {}))
        try:
            own.start()
            own.wait_ready()
            yield msgspec.structs.replace(settings, ollama_url=own.url)
        finally:
            own.stop()


@contextmanager
def database_settings(settings: Settings) -> Iterator[Settings]:
    """Settings with a migrated database: EDGE_DATABASE_URL's, or this EDGE_HOME's, started when nothing runs there.

    Raises InstanceError and PostgresError.
    """
    if settings.database_url is not None:
        bring_up_to_date(settings)
        yield settings
        return
    instance = Instance(settings.home)
    if instance.owner_pid() is not None:
        yield _with(settings, EmbeddedPostgres(instance.postgres, instance.run / "postgres"))
        return
    instance.prepare(child.account_for(instance.postgres / "data"))
    instance.lock()
    try:
        server = EmbeddedPostgres(instance.postgres, instance.run / "postgres", log=instance.logs / "postgres.log")
        part = PostgresPart(server)
        try:
            part.start()
            part.wait_ready()
            found = _with(settings, server)
            bring_up_to_date(found)
            yield found
        finally:
            part.stop()
    finally:
        instance.close()


def lane_settings(settings: Settings, home: Path) -> Settings:
    """Settings for an embedder that gives way to the running functions; without them its lane lies in `home`.

    A folder `run` that a command left in EDGE_HOME would be in the way of the symlink that a long path needs.
    """
    return settings if (Folders(settings.home).home / "run").exists() else msgspec.structs.replace(settings, home=home)


def _with(settings: Settings, server: EmbeddedPostgres) -> Settings:
    return msgspec.structs.replace(settings, database_url=server.owner_dsn, database_app_url=server.app_dsn)
