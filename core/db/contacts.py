"""Whom to tell of a shop's hand-offs, as the operator sets it with the owner's connection."""

import msgspec
import psycopg
from psycopg.rows import TupleRow, args_row

from core.db.erasure import shops
from core.db.handoffs import CONTACT, Contact
from core.db.pool import SET_SHOP

Owner = psycopg.Connection[TupleRow]
MAKE_SHOP = "select lock_shop()"
SET = """
insert into shop_contact (shop_id, email, webhook_url, webhook_secret) values (%s, %s, %s, %s)
on conflict (shop_id) do update set
    email = excluded.email, webhook_url = excluded.webhook_url, webhook_secret = excluded.webhook_secret
"""
ASKED = "select count(*), count(*) filter (where status = 'waiting') from handoff where shop_id = %s"


class Desk(msgspec.Struct, frozen=True):
    """Whom to tell of a shop's hand-offs, how many visitors asked for a human, and how many wait for an answer."""

    shop_id: int
    contact: Contact
    asked: int
    waiting: int


def desks(owner: Owner) -> list[Desk]:
    """That of every shop."""
    return [Desk(shop_id, read_contact(owner, shop_id), *_asked(owner, shop_id)) for shop_id in shops(owner)]


def set_contact(owner: Owner, shop_id: int, contact: Contact) -> None:
    """Put this in the place of what was set before."""
    with owner.transaction():
        owner.execute(SET_SHOP, [str(shop_id)])
        owner.execute(MAKE_SHOP)
        owner.execute(SET, [shop_id, contact.email, contact.webhook_url, contact.webhook_secret])


def read_contact(owner: Owner, shop_id: int) -> Contact:
    """What is set for a shop."""
    with owner.transaction(), owner.cursor(row_factory=args_row(Contact)) as cursor:
        cursor.execute(SET_SHOP, [str(shop_id)])
        return cursor.execute(CONTACT, [shop_id]).fetchone() or Contact()


def _asked(owner: Owner, shop_id: int) -> tuple[int, int]:
    with owner.transaction():
        owner.execute(SET_SHOP, [str(shop_id)])
        [(asked, waiting)] = owner.execute(ASKED, [shop_id]).fetchall()
    return asked, waiting
