"""For whom a document is: the shop that was named, or the one that its tenant always was."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import psycopg
from psycopg.rows import TupleRow

from core.db.names import MOST_NAMES, add_name
from core.db.tenants import list_tenants, shop_of_tenant
from core.errors import DatabaseUnavailable

NAME_SUFFIX = "_name"  # of the field that says what the tenant of another field is called


class Shops(Protocol):
    """Whose a document is, by the name that its file gives."""

    async def of(self, tenant: str | None, name: str | None = None) -> int: ...

    async def all(self) -> set[int]: ...

    def close(self) -> None: ...


class OneShop:
    """Everything is for one shop."""

    def __init__(self, shop_id: int) -> None:
        self._shop_id = shop_id

    async def of(self, tenant: str | None, name: str | None = None) -> int:  # noqa: ARG002 - the protocol's
        """The shop."""
        return self._shop_id

    async def all(self) -> set[int]:
        """The shop."""
        return {self._shop_id}

    def close(self) -> None:
        """Nothing is open."""


class TenantShops:
    """Each tenant has a shop, written down when it is first met: the next import maps it in the same way.

    Where rows say what a tenant is called, its shop is called that from then on.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[TupleRow]]) -> None:
        self._connect = connect
        self._owner: psycopg.Connection[TupleRow] | None = None
        self._known: dict[str, int] = {}
        self._named: dict[int, set[str]] = {}

    async def of(self, tenant: str | None, name: str | None = None) -> int:
        """The tenant's shop, which is called `name`. Raises DatabaseUnavailable."""
        assert tenant is not None, "the reader refuses what names no tenant"
        if (shop_id := self._known.get(tenant)) is None:
            shop_id = self._known[tenant] = await asyncio.to_thread(self._look_up, tenant)
        named = self._named.setdefault(shop_id, set())
        # Once it has as many as it may, no other one is added: rows that make up a name each cost nothing more.
        if name is not None and name not in named and len(named) < MOST_NAMES:
            await asyncio.to_thread(self._name, shop_id, name)
            named.add(name)
        return shop_id

    async def all(self) -> set[int]:
        """The shops of all tenants, those too of other imports. Raises DatabaseUnavailable."""
        return await asyncio.to_thread(self._look_up_all)

    def close(self) -> None:
        """Close the connection."""
        if self._owner is not None:
            self._owner.close()

    def _look_up_all(self) -> set[int]:
        with self._connected():
            return set(self._known.values())

    def _look_up(self, tenant: str) -> int:
        with self._connected() as owner:
            return self._known.get(tenant) or shop_of_tenant(owner, tenant)

    def _name(self, shop_id: int, name: str) -> None:
        with self._connected() as owner:
            add_name(owner, shop_id, name)

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[TupleRow]]:
        try:
            if self._owner is None or self._owner.closed:
                self._owner = self._connect()
                self._known.update(list_tenants(self._owner))
            yield self._owner
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable("The database cannot be reached.") from error
