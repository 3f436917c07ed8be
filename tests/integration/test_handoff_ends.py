"""Hand-offs that nobody closes: they end by themselves, make room for who asks next, and are listed to the last."""

import asyncio
import os
import subprocess
import sys

import psycopg
import pytest

from core.db.contacts import set_contact
from core.db.handoffs import Contact
from core.handoff.desk import MOST_OPEN
from core.outbox.store import Store
from functions import handoff
from tests.parts.functions import bearer, is_problem, new_key, serving
from tests.parts.searching import settings_of
from tests.parts.talk import rows
from tests.parts.visits import parsed

HANDOFF = "/api/handoff"
STATES = {
    "waiting": ("waiting", None, None, "visitor"),
    "overdue": ("waiting", None, "now()", "system"),
    "answered": ("active", "now()", None, "owner"),
    "asked": ("active", "now()", None, "visitor"),
}
ADD = """
with made as (
    insert into conversation (shop_id, id, created_at, updated_at)
    select %(shop)s, gen_random_uuid(), now(), now() from generate_series(1, %(count)s) returning id
), opened as (
    insert into handoff (shop_id, id, conversation_id, status, token_hash, created_at, replied_at, overdue_at)
    select %(shop)s, gen_random_uuid(), id, %(status)s, decode(repeat('00', 32), 'hex'), now() - %(age)s::interval,
        {replied_at}, {overdue_at} from made
    returning id
)
insert into handoff_event (shop_id, handoff_id, number, kind, author, status, content, created_at)
select %(shop)s, id, 1, 'message', %(author)s, 'waiting', 'Hello?', now() - %(age)s::interval from opened
returning handoff_id
"""


@pytest.fixture(scope="module")
async def app(module_database):
    async with serving(handoff.create_app(settings_of(module_database, None)), timeout=30) as client:
        yield client


def shop(database, shop_id):
    with psycopg.connect(database.owner_dsn, autocommit=True) as conn:
        set_contact(conn, shop_id, Contact(None, "http://127.0.0.1:9/nobody", "a secret of sixteen or more"))
    return shop_id


def waiting(database, shop_id, state, age, count=1):
    """The ids of so many hand-offs, whose last line is of that age."""
    status, replied_at, overdue_at, author = STATES[state]
    values = {"shop": shop_id, "count": count, "status": status, "age": age, "author": author}
    with psycopg.connect(database.superuser_dsn) as conn:
        found = conn.execute(ADD.format(replied_at=replied_at or "null", overdue_at=overdue_at or "null"), values)
        return [str(handoff_id) for (handoff_id,) in found.fetchall()]


def closed(database, shop_id):
    found = rows(database, "select id::text from handoff where shop_id = %s and status = 'closed'", shop_id)
    return {one for (one,) in found}


@pytest.mark.parametrize(("shop_id", "first", "second"), [(11, "overdue", "answered"), (12, "answered", "asked")])
async def test_who_nobody_answered_makes_room_for_who_asks(app, module_database, shop_id, first, second):
    shop(module_database, shop_id)
    waiting(module_database, shop_id, second, "50 hours", MOST_OPEN - 2)
    older, newer = (waiting(module_database, shop_id, first, age)[0] for age in ("2 hours", "1 hour"))
    for expected in ({older}, {older, newer}):
        assert 200 == (await app.post(HANDOFF, json={"shopId": shop_id})).status_code
        assert expected == closed(module_database, shop_id)
    told = "select content from handoff_event where handoff_id = %s and status = 'closed' and kind = 'state'"
    assert "with the assistant again" in rows(module_database, told, older)[0][0]


async def test_who_may_still_expect_an_answer_makes_no_room(app, module_database):
    shop_id = shop(module_database, 13)
    waiting(module_database, shop_id, "waiting", "1 minute", MOST_OPEN // 2)
    waiting(module_database, shop_id, "asked", "1 minute", MOST_OPEN // 2)
    assert is_problem(await app.post(HANDOFF, json={"shopId": shop_id}), 503, "unavailable")
    lost = waiting(module_database, shop_id, "waiting", "73 hours")
    assert 200 == (await app.post(HANDOFF, json={"shopId": shop_id})).status_code
    assert set(lost) == closed(module_database, shop_id)


def test_what_is_silent_for_days_is_closed_by_the_upkeep_and_the_shop_is_told(module_database):
    shop_id = shop(module_database, 14)
    silent = {
        one for state in ("overdue", "answered", "asked") for one in waiting(module_database, shop_id, state, "73 h")
    }
    for state in STATES:
        waiting(module_database, shop_id, state, "71 hours")
    waiting(module_database, shop_id, "waiting", "73 hours")
    command = [sys.executable, "-m", "ops.upkeep"]
    environ = {**os.environ, **module_database.settings.to_environ()}
    run = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (0, silent) == (run.returncode, closed(module_database, shop_id)), run.stderr
    assert f"shop {shop_id}: 3 hand-offs were closed, silent for 3 days" in run.stdout
    calls = [one for one in Store(module_database.home / "outbox").listed() if one.event.shop_id == shop_id]
    assert ["handoff-webhook"] * 3 == [one.event.kind for one in calls]


async def test_the_list_goes_on_until_its_end(app, module_database):
    shop_id = shop(module_database, 15)
    made = [waiting(module_database, shop_id, "waiting", f"{hours} hours", 5) for hours in range(5)]
    owner, read, cursor = bearer(new_key(module_database, shop_id)), [], None
    while True:
        params = {"shopId": shop_id, "limit": 10} | ({} if cursor is None else {"cursor": cursor})
        page = (await app.get(HANDOFF, params=params, headers=owner)).json()
        read += [one["id"] for one in page["handoffs"]]
        assert (25, len(page["handoffs"])) == (page["total"], page["count"])
        if (cursor := page["nextCursor"]) is None:
            break
    assert [set(one) for one in made] == [set(read[start : start + 5]) for start in range(0, 25, 5)]
    wrong = await app.get(HANDOFF, params={"shopId": shop_id, "cursor": "x"}, headers=owner)
    assert is_problem(wrong, 400, "invalid-request")


async def test_who_has_the_last_line_of_a_hand_off_is_told_that_nothing_is_to_come(app, module_database):
    opened = (await app.post(HANDOFF, json={"shopId": shop(module_database, 16)})).json()
    path, visitor = f"{HANDOFF}/{opened['handoffId']}", bearer(opened["visitorToken"])
    assert (await app.post(f"{path}/close", headers=visitor)).is_success
    last = (await app.get(f"{path}/messages", headers=visitor)).json()["messages"][-1]["number"]
    async with asyncio.timeout(10):
        over = await app.get(f"{path}/events", headers={**visitor, "last-event-id": str(last)})
        rest = await app.get(f"{path}/events", headers={**visitor, "last-event-id": str(last - 1)})
    assert (204, b"", 200) == (over.status_code, over.content, rest.status_code)
    assert ["closed"] == [line["status"] for _, _, line in parsed(rest.content)]
