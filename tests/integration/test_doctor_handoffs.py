"""Shops whose visitors ask for a human while nobody is told."""

import msgspec
import psycopg

from core.db.contacts import set_contact
from core.db.handoffs import Contact
from core.settings import Settings
from functions import handoff
from ops.doctor import handoffs
from ops.doctor.box import Box
from ops.doctor.finding import Level
from tests.parts.functions import serving
from tests.parts.searching import settings_of


async def test_shops_that_hear_of_no_visitor_are_found_and_who_waits_there_is_counted(database):
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        for shop_id, contact in ((1, Contact("ada@shop.example")), (2, Contact(None, "http://hook.example", "s" * 16))):
            set_contact(owner, shop_id, contact)
    settings = Settings(home=database.home, database_url=database.owner_dsn)
    (well,) = handoffs.examine(Box(settings, database.home))
    assert (Level.OK, True) == (well.level, "1 of 2 shops" in well.detail)
    strict = msgspec.structs.replace(settings, environment="production")
    assert Level.WARNING == next(iter(handoffs.examine(Box(strict, database.home)))).level
    async with serving(handoff.create_app(settings_of(database, None))) as client:
        assert 200 == (await client.post("/api/handoff", json={"shopId": 1})).status_code
    deaf, rest = handoffs.examine(Box(settings, database.home))
    assert (Level.WARNING, True) == (deaf.level, "at shop 1: 1 asked, 1 wait for an answer" in deaf.detail)
    assert "1 of 2 shops" in rest.detail
    mails = msgspec.structs.replace(settings, smtp_url="smtp://127.0.0.1")
    (well,) = handoffs.examine(Box(mails, database.home))
    assert (Level.OK, True) == (well.level, "2 of 2 shops" in well.detail)
