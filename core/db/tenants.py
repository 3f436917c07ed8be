"""Tenants: the names by which imported files call their shops, each a shop for good. Written by the owner alone."""

import msgspec
import psycopg
from psycopg.rows import TupleRow, args_row

LIST = "select name, shop_id from tenant"
# One at a time, so that two imports do not give one number to two tenants.
LOCK = "lock table tenant in share row exclusive mode"
# After every number that is in use; a key may have been made for a shop that knows nothing yet.
ADD = """
insert into tenant (name, shop_id)
select %s, 1 + greatest(
    (select coalesce(max(id), 0) from shop),
    (select coalesce(max(shop_id), 0) from tenant),
    (select coalesce(max(shop_id), 0) from api_key)
)
on conflict (name) do nothing
"""
SHOPS = """
select shop.id, name, passages from shop left join tenant on tenant.shop_id = shop.id order by shop.id
"""
FIND = "select shop_id from tenant where name = %s"


class ShopRow(msgspec.Struct, frozen=True):
    """A shop, how much it knows, and the tenant that it is, if it is one's."""

    shop_id: int
    tenant: str | None
    passages: int


def list_shops(owner: psycopg.Connection[TupleRow]) -> list[ShopRow]:
    """All shops that know anything, or did."""
    with owner.transaction(), owner.cursor(row_factory=args_row(ShopRow)) as cursor:
        return cursor.execute(SHOPS).fetchall()


def list_tenants(owner: psycopg.Connection[TupleRow]) -> dict[str, int]:
    """The shop of each tenant."""
    with owner.transaction():
        return dict(owner.execute(LIST).fetchall())


def shop_of_tenant(owner: psycopg.Connection[TupleRow], name: str) -> int:
    """The tenant's shop; a new tenant gets the number after the highest, and keeps it."""
    with owner.transaction():
        if (found := owner.execute(FIND, [name]).fetchone()) is None:
            owner.execute(LOCK)
            owner.execute(ADD, [name])
            found = owner.execute(FIND, [name]).fetchone()
        assert found is not None
        return int(found[0])
