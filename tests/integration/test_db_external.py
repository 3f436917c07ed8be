"""A server that is not ours: over TCP with passwords, owned by a login that is no superuser."""

import socket

import psycopg
import pytest
from psycopg import sql

from core.db.keys import authenticate, create_key
from core.db.migrate import MigrationError, migrate
from core.db.requirements import application_requirements, requirements
from core.settings import Settings
from tests.parts.knowledge import opened, teach
from tests.parts.postgres import FAST, running_server

HBA = "local all all peer map=edge\nhost all all 127.0.0.1/32 scram-sha-256\n"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


class External:
    """The server, its superuser, and the DSN of logins with passwords."""

    def __init__(self, server):
        self.server = server

    def run(self, *statements, database="postgres"):
        with psycopg.connect(self.server.dsn("postgres", database), autocommit=True) as conn:
            for statement in statements:
                conn.execute(sql.SQL(statement))

    def dsn(self, user, database):
        return f"postgresql://{user}:pass-{user}@127.0.0.1:{self.server.parameters['port']}/{database}"


@pytest.fixture(scope="module")
def external(tmp_path_factory):
    parameters = {**FAST, "listen_addresses": "127.0.0.1", "port": free_port()}
    with running_server(tmp_path_factory.mktemp("external"), parameters) as server:
        (server.data / "pg_hba.conf").write_text(HBA)
        external = External(server)
        external.run(
            "select pg_reload_conf()",
            "drop database edge",
            "drop role edge_app",
            "create role shopkeeper login createrole password 'pass-shopkeeper'",
            "create role plain login password 'pass-plain'",
        )
        yield external


@pytest.fixture
def bare(external):
    """A database of shopkeeper's without anything in it, on a server without edge_app."""
    external.run("create database bare owner shopkeeper")
    yield external
    external.run(
        "drop database bare with (force)",
        "drop role if exists edge_app, edge_login",
        "alter role shopkeeper createrole",
    )


def test_a_missing_extension_that_only_a_superuser_may_make_is_named(bare):
    [missing] = requirements(bare.dsn("shopkeeper", "bare"))
    assert "`create extension vector schema public` as a superuser" in missing
    with pytest.raises(MigrationError, match="extension"):
        migrate(bare.dsn("shopkeeper", "bare"))


def test_what_a_login_without_rights_lacks_is_named(bare):
    bare.run("create extension vector", database="bare")
    missing = requirements(bare.dsn("plain", "bare"))
    assert len(missing) == 2
    assert '`grant create on schema public to "plain"`' in missing[0]
    assert '`create role edge_app; grant edge_app to "plain"`' in missing[1]


def test_an_extension_elsewhere_is_named(bare):
    bare.run("create schema extensions", "create extension vector schema extensions", database="bare")
    [missing] = requirements(bare.dsn("shopkeeper", "bare"))
    assert "`alter extension vector set schema public`" in missing


def test_an_application_role_that_bypasses_row_level_security_is_named(bare):
    bare.run("create extension vector", database="bare")
    bare.run("create role edge_app bypassrls")
    found = requirements(bare.dsn("shopkeeper", "bare"))
    assert "`alter role edge_app nosuperuser nobypassrls`" in found[0]
    assert '`grant edge_app to "shopkeeper"`' in found[1]


def test_a_server_that_is_away_and_a_wrong_password_are_named(bare):
    [away] = requirements(f"postgresql://shopkeeper@127.0.0.1:{free_port()}/bare")
    assert away.startswith("EDGE_DATABASE_URL cannot be reached: ")
    [refused] = requirements(bare.dsn("shopkeeper", "bare").replace("pass-", "wrong-"))
    assert "password authentication failed" in refused
    assert "wrong-" not in refused


def test_what_is_named_is_what_is_needed(bare):
    bare.run("create extension vector", database="bare")
    assert requirements(bare.dsn("shopkeeper", "bare")) == []
    migrate(bare.dsn("shopkeeper", "bare"))
    assert requirements(bare.dsn("shopkeeper", "bare")) == []


async def test_an_owner_who_made_the_application_role_becomes_it(bare):
    bare.run("create extension vector", database="bare")
    migrate(bare.dsn("shopkeeper", "bare"))
    async with opened(Settings(database_url=bare.dsn("shopkeeper", "bare"))) as database:
        await teach(database, 1, ["a passage over TCP, with a password"])
        assert await database.read(None, "select current_user::text, (select count(*) from passage)") == [
            ("edge_app", 0)
        ]


async def test_an_owner_without_the_right_to_make_roles_uses_the_one_made_for_it(bare):
    bare.run("create extension vector", database="bare")
    bare.run("alter role shopkeeper nocreaterole", "create role edge_app", "grant edge_app to shopkeeper")
    assert requirements(bare.dsn("shopkeeper", "bare")) == []
    migrate(bare.dsn("shopkeeper", "bare"))
    async with opened(Settings(database_url=bare.dsn("shopkeeper", "bare"))) as database:
        await teach(database, 1, ["a passage over TCP, with a password"])
        assert await database.read(None, "select current_user::text, (select count(*) from passage)") == [
            ("edge_app", 0)
        ]


async def test_the_application_may_have_a_login_of_its_own(bare):
    bare.run("create extension vector", database="bare")
    migrate(bare.dsn("shopkeeper", "bare"))
    bare.run("create role edge_login login password 'pass-edge_login' in role edge_app")
    assert application_requirements(bare.dsn("edge_login", "bare")) == []
    settings = Settings(database_url=bare.dsn("shopkeeper", "bare"), database_app_url=bare.dsn("edge_login", "bare"))
    async with opened(settings) as database:
        await teach(database, 1, ["a passage over TCP, with a password"])
        assert await database.read(1, "select count(*) from passage") == [(1,)]
        with psycopg.connect(settings.database_url) as owner:
            _, secret = create_key(owner, name="till", shop_id=1)
        assert (await authenticate(database, secret)).shop_id == 1


def test_an_application_that_connects_as_the_owner_is_named(bare):
    bare.run("create extension vector", database="bare")
    assert application_requirements(bare.dsn("shopkeeper", "bare")) == ["the database is not migrated"]
    migrate(bare.dsn("shopkeeper", "bare"))
    [owner] = application_requirements(bare.dsn("shopkeeper", "bare"))
    assert "whom row-level security does not bind" in owner
    [stranger] = application_requirements(bare.dsn("plain", "bare"))
    assert '`grant edge_app to "plain"`' in stranger
