"""Migrations on a real server: once each, in order, whoever starts them and however many at once."""

import multiprocessing
import shutil

import psycopg
import pytest

from core.db.migrate import FOLDER, MigrationError, migrate, read_migrations

NAMES = [migration.name for migration in read_migrations()]


@pytest.fixture
def empty(postgres, tmp_path):
    """A database with the extension and nothing else, as `edge up` makes it."""
    with postgres.fresh(tmp_path, template="edge") as fresh:
        yield fresh


@pytest.fixture
def folder(tmp_path):
    """A folder of migrations of the test's own."""
    made = tmp_path / "migrations"
    made.mkdir()
    (made / "0001_first.sql").write_text("create table first ();")
    return made


def ledger(dsn):
    with psycopg.connect(dsn) as conn:
        return [name for (name,) in conn.execute("select name from edge_migration order by applied_at, name")]


def tables(dsn):
    with psycopg.connect(dsn) as conn:
        found = conn.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        )
        return {name for (name,) in found}


def test_an_empty_database_gets_every_migration_in_order(empty):
    assert migrate(empty.owner_dsn) == NAMES
    assert ledger(empty.owner_dsn) == NAMES


def test_a_second_run_applies_nothing(empty):
    migrate(empty.owner_dsn)
    assert migrate(empty.owner_dsn) == []


def test_a_changed_migration_is_refused_and_nothing_is_applied(empty, folder):
    migrate(empty.owner_dsn, folder)
    (folder / "0001_first.sql").write_text("create table first (); -- changed")
    (folder / "0002_second.sql").write_text("create table second ();")
    with pytest.raises(MigrationError, match="0001_first was changed after it had been applied"):
        migrate(empty.owner_dsn, folder)
    assert tables(empty.owner_dsn) == {"edge_migration", "first"}


def test_a_failing_migration_leaves_what_came_before_it_and_nothing_of_itself(empty, folder):
    (folder / "0002_second.sql").write_text("create table second (); select 1 / 0;")
    with pytest.raises(MigrationError, match=r"0002_second failed.*division by zero"):
        migrate(empty.owner_dsn, folder)
    assert tables(empty.owner_dsn) == {"edge_migration", "first"}
    (folder / "0002_second.sql").write_text("create table second ();")
    assert migrate(empty.owner_dsn, folder) == ["0002_second"]


def test_a_migration_numbered_before_an_applied_one_is_refused(empty, folder):
    (folder / "0003_third.sql").write_text("create table third ();")
    migrate(empty.owner_dsn, folder)
    (folder / "0002_late.sql").write_text("create table late ();")
    with pytest.raises(MigrationError, match="0002_late is numbered before 0003_third"):
        migrate(empty.owner_dsn, folder)


def test_the_migrations_of_a_newer_release_are_left_alone(empty, folder):
    (folder / "0002_second.sql").write_text("create table second ();")
    migrate(empty.owner_dsn, folder)
    (folder / "0002_second.sql").unlink()
    assert migrate(empty.owner_dsn, folder) == []


def test_names_from_before_they_had_a_length_are_cut_and_the_others_stay(empty, folder):
    (folder / "0001_first.sql").unlink()
    for migration in FOLDER.glob("*.sql"):
        if migration.name < "0012":
            shutil.copy(migration, folder)
    migrate(empty.owner_dsn, folder)
    before = {1: ["short", "x" * 99 + " " + "y" * 50_000, " " * 200], 2: ['"' * 100] * 20, 3: []}
    with psycopg.connect(empty.superuser_dsn) as conn:
        for shop, names in before.items():
            conn.execute("insert into shop (id, version, names) values (%s, 7, %s)", [shop, names])
    assert [name for name in NAMES if name >= "0012"] == migrate(empty.owner_dsn)
    with psycopg.connect(empty.superuser_dsn) as conn:
        found = {
            shop: (names, version == 7) for shop, names, version in conn.execute("select id, names, version from shop")
        }
        assert {1: (["short", "x" * 99], False), 2: (before[2], True), 3: ([], True)} == found
        with pytest.raises(psycopg.errors.CheckViolation, match="names_are_short"):
            conn.execute("update shop set names = array[repeat('x', 5000)]")


def test_two_migrations_with_one_number_are_refused(folder):
    (folder / "0001_other.sql").write_text("create table other ();")
    with pytest.raises(MigrationError, match="two migrations have the number 0001"):
        read_migrations(folder)


def test_many_starts_at_once_apply_each_migration_once(empty):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        applied = pool.map(migrate, [empty.owner_dsn] * 4)
    assert sorted(name for names in applied for name in names) == NAMES
    assert ledger(empty.owner_dsn) == NAMES


def test_a_server_that_is_away_is_told_in_a_sentence(tmp_path):
    with pytest.raises(MigrationError, match="the database cannot be migrated"):
        migrate(f"postgresql://edge_owner@/edge?host={tmp_path}")


def test_two_databases_of_one_server_share_the_application_role(postgres, tmp_path):
    with postgres.fresh(tmp_path, "edge") as one, postgres.fresh(tmp_path, "edge") as other:
        assert migrate(one.owner_dsn) == migrate(other.owner_dsn) == NAMES
