"""One embedded PostgreSQL a session, and a fresh migrated database of its own for whoever asks.

`database` is a test's own; `module_database` is shared by the tests of one module. Both carry the migrations, an owner
and an application role as in production, and are clones of one template.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg import sql

from core.db.migrate import migrate
from core.settings import Settings
from ops.stack.postgres import EmbeddedPostgres

# A test's data need not outlive a power cut.
FAST = {"fsync": "off", "full_page_writes": "off", "max_connections": "200", "shared_buffers": "64MB"}
TEMPLATE = "edge_template"
_numbers = count(1)


class Postgres:
    """A running server that makes databases; `server` is the EmbeddedPostgres itself."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server

    def as_superuser(self, statement: sql.Composed | sql.SQL, database: str = "postgres") -> None:
        with psycopg.connect(self.server.dsn("postgres", database), autocommit=True) as conn:
            conn.execute(statement)

    @contextmanager
    def fresh(self, home: Path, template: str = TEMPLATE) -> Iterator["Database"]:
        """A database that is a clone of `template`, dropped afterwards with whoever is still connected."""
        name = f"test_{next(_numbers)}"
        # The rights to a database are not cloned with it.
        for text in (
            "create database {0} template {1} owner edge_owner",
            "revoke all on database {0} from public",
            "grant connect on database {0} to edge_app",
        ):
            self.as_superuser(sql.SQL(text).format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield Database(name, self.server, home)
        finally:
            self.as_superuser(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


class Database(msgspec.Struct):
    """One database: the DSN of each role, and settings with which `core` uses it."""

    name: str
    server: EmbeddedPostgres
    home: Path

    @property
    def owner_dsn(self) -> str:
        return self.server.dsn("edge_owner", self.name)

    @property
    def app_dsn(self) -> str:
        return self.server.dsn("edge_app", self.name)

    @property
    def superuser_dsn(self) -> str:
        return self.server.dsn("postgres", self.name)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, database_url=self.owner_dsn, database_app_url=self.app_dsn)


@contextmanager
def running_server(home: Path, parameters: dict[str, str] = FAST) -> Iterator[EmbeddedPostgres]:
    """A server over `home`, its socket in a folder of few bytes that its account may enter."""
    sockets = Path(tempfile.mkdtemp(prefix="edge-", dir="/tmp"))
    sockets.chmod(0o711)
    server = EmbeddedPostgres(home, sockets / "pg", parameters=parameters)
    try:
        server.prepare()
        server.start()
        server.wait_ready()
        yield server
    finally:
        server.stop()
        shutil.rmtree(sockets)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with running_server(tmp_path_factory.mktemp("postgres")) as server:
        parts = Postgres(server)
        parts.as_superuser(sql.SQL("create database edge_template template edge owner edge_owner"))
        migrate(server.dsn("edge_owner", TEMPLATE))
        yield parts


@pytest.fixture
def database(postgres: Postgres, tmp_path: Path) -> Iterator[Database]:
    with postgres.fresh(tmp_path) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def module_database(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with postgres.fresh(tmp_path_factory.mktemp("database")) as fresh:
        yield fresh
