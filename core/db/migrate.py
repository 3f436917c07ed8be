"""The migration runner: numbered SQL files, each applied once, in order, in a transaction of its own."""

import hashlib
from pathlib import Path

import msgspec
import psycopg
from psycopg.rows import TupleRow

from core.db.dsn import owner_conninfo

FOLDER = Path(__file__).parent / "migrations"
LOCK_KEY = 0x65646765  # "edge": held while migrations run, so that two starts at once do not meet
# Idempotent, and before all migrations: where the owner may not create extensions it is there already.
EXTENSION = "create extension if not exists vector schema public"
LEDGER = """
create table if not exists edge_migration (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
)
"""


class MigrationError(Exception):
    """A migration cannot be applied, or differs from what was applied; the message says which and why."""


class Migration(msgspec.Struct, frozen=True):
    """One file: `name` without its suffix sorts by its number, `checksum` is the SHA-256 of `text`."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of `folder` in order; raises MigrationError when two have the same number."""
    found = [Migration(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.sql"))]
    numbers = [migration.name.split("_", 1)[0] for migration in found]
    if doubled := sorted({number for number in numbers if numbers.count(number) > 1}):
        raise MigrationError(f"two migrations have the number {', '.join(doubled)}")
    return found


def migrate(dsn: str, folder: Path = FOLDER) -> list[str]:
    """Bring the database up to date as its owner; returns the names of what was applied now.

    Names that the database has and the folder lacks come from a newer release and are left alone.
    Raises MigrationError; what was applied before the failing one stays. Raises SettingsError when `dsn` is none.
    """
    conninfo = owner_conninfo(dsn)
    migrations = read_migrations(folder)
    try:
        with psycopg.connect(conninfo, autocommit=True, application_name="edge migrate") as conn:
            conn.execute("set client_min_messages = warning")
            conn.execute("set search_path = public")
            # Session-level: the server lets go of it when this connection ends, however it ends.
            conn.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
            conn.execute(EXTENSION)
            conn.execute(LEDGER)
            missing = _pending(conn, migrations)
            for migration in missing:
                _apply(conn, migration)
    except psycopg.Error as error:
        raise MigrationError(f"the database cannot be migrated: {error}") from error
    return [migration.name for migration in missing]


def _pending(conn: psycopg.Connection[TupleRow], migrations: list[Migration]) -> list[Migration]:
    applied: dict[str, str] = dict(conn.execute("select name, checksum from edge_migration").fetchall())
    for migration in migrations:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(f"{migration.name} was changed after it had been applied: add a new migration instead")
    missing = [migration for migration in migrations if migration.name not in applied]
    known = [name for name in applied if name in {migration.name for migration in migrations}]
    if missing and known and missing[0].name < max(known):
        raise MigrationError(f"{missing[0].name} is numbered before {max(known)}, which is applied: renumber it")
    return missing


def _apply(conn: psycopg.Connection[TupleRow], migration: Migration) -> None:
    try:
        with conn.transaction():
            conn.execute(migration.text.encode())
            conn.execute(
                "insert into edge_migration (name, checksum) values (%s, %s)", [migration.name, migration.checksum]
            )
    except psycopg.Error as error:
        raise MigrationError(f"{migration.name} failed, what came before it stays: {error}") from error
