"""What visitors call a shop, as the operator or an import says it with the owner's connection."""

from collections.abc import Sequence

import psycopg
from psycopg.rows import TupleRow

from core.db.pool import SET_SHOP

Owner = psycopg.Connection[TupleRow]
MOST_NAMES = 20
NAME_CHARS = 100  # migrations/0012
MAKE_SHOP = "select lock_shop()"
SET = """
update shop set names = %(names)s,
    version = greatest(version + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint)
where id = %(shop)s and names <> %(names)s
"""
ADD = """
update shop set names = names || %(name)s::text,
    version = greatest(version + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint)
where id = %(shop)s and not names @> array[%(name)s::text] and cardinality(names) < %(most)s
"""
NAMES = "select names from shop where id = %s"


def set_names(owner: Owner, shop_id: int, names: Sequence[str]) -> None:
    """Put these, MOST_NAMES of NAME_CHARS at most, in the place of the names from before."""
    with owner.transaction():
        _hold(owner, shop_id)
        owner.execute(SET, {"shop": shop_id, "names": list(names)})


def add_name(owner: Owner, shop_id: int, name: str) -> None:
    """Add a name, NAME_CHARS at most, unless the shop has it, or as many as there may be."""
    with owner.transaction():
        _hold(owner, shop_id)
        owner.execute(ADD, {"shop": shop_id, "name": name, "most": MOST_NAMES})


def names_of(owner: Owner, shop_id: int) -> list[str]:
    """The names of a shop; none of a shop that there is not."""
    with owner.transaction():
        row = owner.execute(NAMES, [shop_id]).fetchone()
    return row[0] if row else []


def _hold(owner: Owner, shop_id: int) -> None:
    owner.execute(SET_SHOP, [str(shop_id)])
    owner.execute(MAKE_SHOP)
