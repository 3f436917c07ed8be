"""The conversations function, and what the assistant asks of conversations."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from uuid_utils.compat import uuid7

from core.conversations.events import turn_event
from core.conversations.recorder import Recorder
from core.db.pool import Database
from functions import conversations
from tests.parts.functions import bearer, is_problem, new_key, serving, unreachable
from tests.parts.searching import settings_of
from tests.parts.talk import outbox_over, turn

SHOP = 3
BASE = "/api/conversations"


@pytest.fixture(scope="module")
async def shop(module_database):
    settings = settings_of(module_database, None)
    key = bearer(new_key(module_database, SHOP))
    async with serving(conversations.create_app(settings), headers=key) as client:
        yield client


@pytest.fixture(scope="module")
async def recorder(module_database):
    """As another function's worker has it."""
    database = await Database.open(module_database.settings)
    async with outbox_over(module_database.settings, drains=False) as outbox:
        yield Recorder(database, outbox, patience_s=30)
    await database.close()


async def read(client, conversation_id):
    response = await client.get(f"{BASE}/{conversation_id}")
    assert response.status_code == 200, response.text
    return response.json()["conversation"]


async def test_a_turn_that_was_recorded_is_read_at_once(shop, recorder):
    first = turn()
    await recorder.record_turn(first)
    second = turn(first.conversation_id, message="And on Saturday?", user_id="somebody else")
    await recorder.record_turn(second)
    found = await read(shop, first.conversation_id)
    assert (str(first.conversation_id), "user-7", SHOP, "chat") == tuple(
        found[name] for name in ("id", "userId", "shopId", "channel")
    )
    assert (first.message, False, None) == (found["summary"], found["needsReview"], found["reviewReason"])
    assert [first.message, first.response, second.message, second.response] == [
        message["content"] for message in found["messages"]
    ]
    assert ["user", "assistant"] * 2 == [message["role"] for message in found["messages"]]
    assert first.sources == found["messages"][1]["sources"]
    assert found["createdAt"].endswith("Z")


async def test_the_conversations_of_a_user_are_listed_newest_first(shop, recorder):
    ids = []
    for minutes in (3, 2, 1):
        one = turn(user_id="ada lovelace å", created_at=datetime.now(UTC) - timedelta(minutes=minutes))
        await recorder.record_turn(one)
        ids.append(str(one.conversation_id))
    path = f"{BASE}/user/ada%20lovelace%20%C3%A5"
    listed = (await shop.get(path, params={"shopId": SHOP})).json()
    assert (3, ids[::-1]) == (listed["count"], [one["id"] for one in listed["conversations"]])
    assert 2 == len(listed["conversations"][0]["messages"])
    newest = (await shop.get(path, params={"shopId": SHOP, "limit": 1})).json()["conversations"]
    assert ids[-1:] == [one["id"] for one in newest]


async def test_a_flagged_conversation_waits_for_review(shop, recorder):
    one, two = turn(), turn()
    for each in (one, two):
        await recorder.record_turn(each)
    for each, priority in ((one, "normal"), (two, "urgent")):
        body = {"conversationId": str(each.conversation_id), "reason": "rude", "priority": priority}
        assert (await shop.post(f"{BASE}/flag", json=body)).json()["success"]
    listed = (await shop.get(f"{BASE}/review", params={"shopId": SHOP})).json()
    assert [str(two.conversation_id), str(one.conversation_id)] == [item["id"] for item in listed["conversations"]]
    assert (True, "rude") == (listed["conversations"][0]["needsReview"], listed["conversations"][0]["reviewReason"])


async def test_what_another_shop_said_does_not_exist_and_a_key_is_needed(shop, recorder, module_database):
    one = turn()
    await recorder.record_turn(one)
    await read(shop, one.conversation_id)
    other, operator = (bearer(new_key(module_database, shop_id)) for shop_id in (SHOP + 1, None))
    path, flagged = f"{BASE}/{one.conversation_id}", {"conversationId": str(one.conversation_id), "reason": "x"}
    assert is_problem(await shop.get(path, headers=other), 404, "not-found")
    assert is_problem(await shop.post(f"{BASE}/flag", json=flagged, headers=other), 404, "not-found")
    assert is_problem(await shop.get(path, headers={"authorization": ""}), 401, "unauthorized")
    for listing in ("review", "user/user-7"):
        response = await shop.get(f"{BASE}/{listing}", params={"shopId": SHOP}, headers=other)
        assert is_problem(response, 403, "forbidden")
    assert 200 == (await shop.get(path, headers=operator)).status_code
    assert is_problem(await shop.get(f"{BASE}/{uuid7()}", headers=operator), 404, "not-found")


async def test_an_id_that_another_shop_uses_is_another_conversation(shop, recorder, module_database):
    mine = turn()
    await recorder.record_turn(mine)
    await read(shop, mine.conversation_id)
    await recorder.record_turn(turn(mine.conversation_id, shop_id=SHOP + 1, message="Not yours."))
    other = bearer(new_key(module_database, SHOP + 1))
    theirs = (await shop.get(f"{BASE}/{mine.conversation_id}", headers=other)).json()["conversation"]
    assert "Not yours." == theirs["messages"][0]["content"]
    assert mine.message == (await read(shop, mine.conversation_id))["messages"][0]["content"]
    operator = bearer(new_key(module_database, None))
    first = (await shop.get(f"{BASE}/{mine.conversation_id}", headers=operator)).json()["conversation"]
    assert SHOP == first["shopId"]


async def test_answers_that_the_assistant_did_not_know_are_counted_written_or_waiting(shop, recorder):
    conversation_id = turn().conversation_id
    assert 0 == await recorder.unanswered_in_a_row(SHOP, conversation_id)
    for answered, expected in ((False, 1), (False, 2), (True, 0), (False, 1)):
        await recorder.record_turn(turn(conversation_id, answered=answered))
        assert expected == await recorder.unanswered_in_a_row(SHOP, conversation_id)
        await read(shop, conversation_id)  # from here on it is written
        assert expected == await recorder.unanswered_in_a_row(SHOP, conversation_id)


async def test_a_turn_that_is_seen_written_and_waiting_counts_once(shop, recorder):
    """It is taken from the outbox after it is written: in between it is in both."""
    event = turn_event(turn(answered=False))
    await recorder._outbox.put(event)
    await read(shop, event.topic)
    await recorder._outbox.put(msgspec.structs.replace(event, id=uuid7(), due_at=4e9))
    assert 1 == await recorder.unanswered_in_a_row(SHOP, UUID(event.topic))


async def test_a_turn_is_kept_without_the_database_and_written_when_it_is_back(
    shop, recorder, postgres, module_database
):
    one = turn(answered=False)
    with unreachable(postgres, module_database):
        await recorder.record_turn(one)
        assert 1 == await recorder.unanswered_in_a_row(SHOP, one.conversation_id)
        assert is_problem(await shop.get(f"{BASE}/{one.conversation_id}"), 503, "database-unavailable")
    for _ in range(20):
        response = await shop.get(f"{BASE}/{one.conversation_id}")
        if response.status_code == 200:
            break
    assert one.message == response.json()["conversation"]["messages"][0]["content"]


async def test_turns_of_one_conversation_from_several_events_are_written_once(shop, recorder):
    one = turn()
    event = turn_event(one)
    for _ in range(2):
        await recorder._outbox.put(event)
        assert 2 == len((await read(shop, one.conversation_id))["messages"])


async def test_a_user_whose_name_is_no_segment_of_an_address_is_listed_by_the_query(shop, recorder):
    for name in ("org/ada", "..", "a?b#c%2F"):
        one = turn(user_id=name)
        await recorder.record_turn(one)
        listed = (await shop.get(f"{BASE}/user", params={"shopId": SHOP, "userId": name})).json()
        assert [str(one.conversation_id)] == [found["id"] for found in listed["conversations"]], name
    assert is_problem(await shop.get(f"{BASE}/user", params={"shopId": SHOP}), 400, "invalid-request")
