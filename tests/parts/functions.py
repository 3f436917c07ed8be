"""Functions as their applications, lifespan and all, reached without a socket."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

import httpx
import psycopg
from psycopg import sql

from core.app import EdgeApp
from core.db.keys import create_key

PROBLEM = "application/problem+json"


@asynccontextmanager
async def serving(app: EdgeApp, **options) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application while its lifespan runs; an exception that leaves the application fails the test."""
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge", **options) as client,
    ):
        yield client


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def new_key(database, shop_id: int | None) -> str:
    """A key of a shop, or of the operator."""
    return new_key_with_id(database, shop_id)[1]


def new_key_with_id(database, shop_id: int | None) -> tuple[UUID, str]:
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        return create_key(owner, name=f"test-{secrets.token_hex(4)}", shop_id=shop_id)


def is_problem(response: httpx.Response, status: int, kind: str) -> bool:
    """The whole of what the contract says of an error; raises AssertionError that names what is missing."""
    assert status == response.status_code, response.text
    assert response.headers["content-type"] == PROBLEM
    body = response.json()
    assert body["type"] == f"urn:problem-type:cutting-edge:{kind}"
    error = body["error"]
    assert (body["status"], error if isinstance(error, str) else error["message"]) == (status, body["detail"])
    assert isinstance(error, str) != response.request.url.path.startswith("/v1/")
    assert body["instance"] == response.headers["x-request-id"]
    assert body["title"]
    return True


@contextmanager
def unreachable(postgres, database) -> Iterator[None]:
    """While the block runs, the database takes no connection and has dropped those it had."""
    name = sql.Identifier(database.name)
    postgres.as_superuser(sql.SQL("alter database {} allow_connections false").format(name))
    drop = sql.SQL("select pg_terminate_backend(pid) from pg_stat_activity where datname = {}")
    postgres.as_superuser(drop.format(sql.Literal(database.name)))
    try:
        yield
    finally:
        postgres.as_superuser(sql.SQL("alter database {} allow_connections true").format(name))


class LinesFile:
    """A file for a LineLog, and its lines."""

    def __init__(self, path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines()

    def close(self) -> None:
        os.close(self.descriptor)
