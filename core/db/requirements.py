"""What a PostgreSQL server must have, told to an operator in sentences that can be acted on."""

import re
from collections.abc import Iterator

import psycopg
from psycopg.rows import TupleRow

from core.db.dsn import APPLICATION_ROLE, owner_conninfo

SERVER_VERSION = 150000
SET_KNOWN_SINCE = 160000  # pg_has_role(…, 'set'); before, whoever makes roles may join them
EXTENSION_VERSION = (0, 7)  # halfvec
EXTENSION = """
select coalesce(extversion, default_version), extversion is not null, coalesce(nspname, 'public'),
    coalesce((select bool_or(trusted) from pg_available_extension_versions v
        where v.name = 'vector' and v.version = default_version), false)
from pg_available_extensions available
left join pg_extension on extname = available.name
left join pg_namespace on pg_namespace.oid = extnamespace
where available.name = 'vector'
"""
RIGHTS = """
select current_user, current_database(),
    has_schema_privilege('public', 'create'), has_database_privilege(current_database(), 'create'),
    rolsuper, rolcreaterole
from pg_roles where rolname = current_user
"""
# Whether the owner may become the role, or may let itself (migrations/0001; `set` is known since PostgreSQL 16).
ROLE = """
select rolsuper, rolbypassrls, case when current_setting('server_version_num')::int < 160000
    then pg_has_role(current_user, oid, 'member')
    else pg_has_role(current_user, oid, 'set') or pg_has_role(current_user, oid, 'member with admin option') end
from pg_roles where rolname = %s
"""


def requirements(dsn: str) -> list[str]:
    """What the server lacks before its database can be migrated as the owner; empty when nothing does.

    Raises SettingsError when `dsn` is none.
    """
    owner = owner_conninfo(dsn)
    try:
        with psycopg.connect(owner, autocommit=True, connect_timeout=10, application_name="edge requirements") as conn:
            return [*_version(conn), *_encoding(conn), *_extension(conn), *_rights(conn)]
    except psycopg.OperationalError as error:
        return [f"EDGE_DATABASE_URL cannot be reached: {' '.join(str(error).split())}"]


def application_requirements(dsn: str) -> list[str]:
    """What is wrong with the DSN that functions use: its role must be bound by row-level security."""
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=10, application_name="edge requirements") as conn:
            return list(_bound(conn))
    except psycopg.OperationalError as error:
        return [f"the application's connection fails: {' '.join(str(error).split())}"]


def _version(conn: psycopg.Connection[TupleRow]) -> Iterator[str]:
    if conn.info.server_version < SERVER_VERSION:
        yield f"the server is PostgreSQL {conn.info.server_version // 10000}: version 15 or newer is needed"


def _encoding(conn: psycopg.Connection[TupleRow]) -> Iterator[str]:
    encoding = conn.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        yield f"the database is encoded in {encoding}: create it with `encoding 'UTF8'`"


def _extension(conn: psycopg.Connection[TupleRow]) -> Iterator[str]:
    row = conn.execute(EXTENSION).fetchone()
    if row is None:
        yield "pgvector is not installed on the server: install its package (Debian: postgresql-NN-pgvector)"
        return
    version, created, schema, trusted = row
    if tuple(int(number) for number in re.findall(r"\d+", version)[:2]) < EXTENSION_VERSION:
        command = "alter extension vector update"
        yield f"pgvector is {version}: 0.7 or newer is needed; install it, then `{command}` as a superuser"
    if created and schema != "public":
        yield f"the extension vector is in the schema {schema}: `alter extension vector set schema public`"
    if not created and not (trusted or _is_superuser(conn)):
        yield "the extension vector is not in the database: `create extension vector schema public` as a superuser"


def _is_superuser(conn: psycopg.Connection[TupleRow]) -> bool:
    return conn.info.parameter_status("is_superuser") == "on"


def _rights(conn: psycopg.Connection[TupleRow]) -> Iterator[str]:
    row = conn.execute(RIGHTS).fetchone()
    assert row is not None
    user, database, may_create, may_extend, superuser, may_create_roles = row
    if not may_create:
        yield f'{user} may not create tables: `grant create on schema public to "{user}"`'
    if not may_extend and not conn.execute("select from pg_extension where extname = 'vector'").rowcount:
        yield f'{user} may not create extensions: `grant create on database "{database}" to "{user}"`'
    role = conn.execute(ROLE, [APPLICATION_ROLE]).fetchone()
    if role is None:
        if not (superuser or may_create_roles):
            made = f'create role {APPLICATION_ROLE}; grant {APPLICATION_ROLE} to "{user}"'
            yield f"the role {APPLICATION_ROLE} does not exist and {user} may not create it: `{made}` as a superuser"
        return
    if role[0] or role[1]:
        yield f"{APPLICATION_ROLE} bypasses row-level security: `alter role {APPLICATION_ROLE} nosuperuser nobypassrls`"
    if not (role[2] or (may_create_roles and conn.info.server_version < SET_KNOWN_SINCE)):
        yield f'{user} may not become {APPLICATION_ROLE}: `grant {APPLICATION_ROLE} to "{user}"`'


def _bound(conn: psycopg.Connection[TupleRow]) -> Iterator[str]:
    row = conn.execute(
        "select current_user, rolsuper or rolbypassrls, pg_has_role(current_user, relowner, 'member')"
        " from pg_roles, pg_class where rolname = current_user and pg_class.oid = to_regclass('public.passage')"
    ).fetchone()
    if row is None:
        yield "the database is not migrated"
    elif row[1] or row[2]:
        yield f"the application connects as {row[0]}, whom row-level security does not bind: use a role like edge_app"
    elif not conn.execute("select has_table_privilege('public.passage', 'select')").fetchone()[0]:  # type: ignore[index]
        yield f'{row[0]} may not read the tables: `grant {APPLICATION_ROLE} to "{row[0]}"`'
