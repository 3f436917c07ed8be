"""What was said in chat is part of its conversation, and a human who has the conversation is given it."""

import shutil
import time
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest
from uuid_utils.compat import uuid7

from core.db.contacts import set_contact
from core.db.handoffs import Contact
from core.outbox.store import Store
from functions import chat, conversations, facts, handoff
from tests.parts.functions import bearer, is_problem, new_key, serving
from tests.parts.searching import knowing
from tests.parts.talk import rows

SHOP = 1
DOGS = "Dogs are welcome as long as they stay on a lead."
NOBODY_KNOWS = "What is the airspeed of an unladen swallow?"


@pytest.fixture(scope="module")
async def settings(module_database, model_server):
    return await knowing(module_database, model_server, DOGS)


@pytest.fixture(scope="module")
async def owner(module_database):
    return bearer(new_key(module_database, SHOP))


@pytest.fixture
async def assistant(settings):
    async with serving(chat.create_app(settings)) as client:
        yield client


async def asked(client, message, **more):
    answer = await client.post("/api/chat", json={"message": message, "shopId": SHOP, **more.pop("fields", {})}, **more)
    assert 200 == answer.status_code, answer.text
    return answer.json()


async def conversation(settings, owner, conversation_id):
    async with serving(conversations.create_app(settings), headers=owner) as client:
        return await client.get(f"/api/conversations/{conversation_id}")


async def test_a_turn_is_part_of_its_conversation_when_it_is_answered(settings, owner, assistant):
    said = await asked(assistant, "May I bring my dog?", fields={"userId": "u1"})
    kept = (await conversation(settings, owner, said["conversationId"])).json()["conversation"]
    assert ["May I bring my dog?", said["response"]] == [line["content"] for line in kept["messages"]]
    assert "u1" == kept["userId"]


async def test_nothing_is_kept_of_a_rehearsal(settings, owner, assistant):
    said = await asked(assistant, "May I bring my dog?", headers={"X-Edge-Rehearsal": "1"})
    assert 404 == (await conversation(settings, owner, said["conversationId"])).status_code


async def test_a_shop_that_there_is_not_is_not_made_by_asking_it(module_database, assistant):
    await asked(assistant, "May I bring my dog?", fields={"shopId": 77})
    assert [] == rows(module_database, "select id from shop where id = 77")


async def test_a_slow_database_keeps_nobody_waiting_for_an_answer(settings, module_database):
    """What an answer can do without is looked up within a fraction of what the database may take."""
    patient = msgspec.structs.replace(settings, database_timeout_s=60)
    async with serving(chat.create_app(patient), timeout=60) as assistant:
        with psycopg.connect(module_database.superuser_dsn) as conn:
            conn.execute("lock table shop, conversation, handoff, message in access exclusive mode")
            begun = time.monotonic()
            said = await asked(assistant, "hello", fields={"conversationId": str(uuid7())})
            assert ("Hello! What would you like to know?", True) == (said["response"], time.monotonic() - begun < 30)


async def test_a_human_is_offered_when_the_answer_was_not_known_twice(assistant):
    first = await asked(assistant, NOBODY_KNOWS)
    second = await asked(assistant, NOBODY_KNOWS, fields={"conversationId": first["conversationId"]})
    assert (False, True) == (first.get("offerHuman", False), second.get("offerHuman", False))


async def test_a_human_is_offered_to_who_is_known_by_their_history_alone(assistant):
    """The chatbot in production sends no id."""
    first = await asked(assistant, NOBODY_KNOWS)
    history = [{"role": "user", "content": NOBODY_KNOWS}, {"role": "assistant", "content": first["response"]}]
    second = await asked(assistant, NOBODY_KNOWS, fields={"conversationHistory": history})
    known = [{"role": "user", "content": "May I bring my dog?"}, {"role": "assistant", "content": DOGS}]
    third = await asked(assistant, NOBODY_KNOWS, fields={"conversationHistory": history + known})
    assert (False, True, False) == tuple(one.get("offerHuman", False) for one in (first, second, third))


async def test_while_a_human_has_the_conversation_the_assistant_passes_on_and_is_silent(settings, owner, assistant):
    begun = (await asked(assistant, "May I bring my dog?"))["conversationId"]
    async with serving(handoff.create_app(settings)) as desk:
        opened = (await desk.post("/api/handoff", json={"shopId": SHOP, "conversationId": begun})).json()
        place = f"/api/handoff/{opened['handoffId']}/messages"
        assert (await desk.post(place, json={"content": "Hello, Maya here."}, headers=owner)).is_success
        said = await asked(assistant, "Is there water for him?", fields={"conversationId": begun})
        lines = (await desk.get(place, headers=owner)).json()
    assert ("", True) == (said["response"], said["withHuman"])
    assert "Is there water for him?" in str(lines)


async def test_who_asks_for_a_human_hears_of_the_opening_hours_and_is_patient_until_then(
    settings, owner, module_database
):
    async with serving(facts.create_app(settings), headers=owner) as client:
        done = await client.put("/api/facts", json={"shopId": SHOP, "facts": closed_today()})
        assert done.is_success, done.text
    async with serving(handoff.create_app(settings)) as desk:
        untold = (await desk.post("/api/handoff", json={"shopId": SHOP})).json()
        with psycopg.connect(module_database.owner_dsn, autocommit=True) as conn:
            set_contact(conn, SHOP, Contact(None, "http://127.0.0.1:9/nobody", "a secret of sixteen or more"))
        told = (await desk.post("/api/handoff", json={"shopId": SHOP})).json()
        waiting = Store(settings.home / "outbox").waiting("handoff-patience", topic=told["conversationId"])
    assert "You reach the shop yourself at 020 7946 0000." in untold["message"]
    assert (False, True) == (told["hours"]["open"], "closed now and was told" in told["message"])
    opens_at = datetime.fromisoformat(told["hours"]["opensAt"]).timestamp()
    assert [opens_at + 10 * 60] == pytest.approx([one.event.due_at for one in waiting])


def closed_today():
    """A shop that opens again the day after tomorrow."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    week = {day: [{"opens": "09:00", "closes": "18:00"}] for day in days}
    hours = {"week": week, "dates": [{"date": yesterday.isoformat(), "days": 3}]}
    return {"timeZone": "UTC", "phone": "020 7946 0000", "hours": hours}


@pytest.mark.parametrize("told", ["conversationId", "conversationHistory"])
async def test_the_offer_of_a_person_is_accepted_and_declined(assistant, told):
    for reply, kind in (("yes please", True), ("Yes", True), ("ok", True), ("no thanks", False)):
        unknown = await asked(assistant, NOBODY_KNOWS)
        turns = [{"role": "user", "content": NOBODY_KNOWS}, {"role": "assistant", "content": unknown["response"]}]
        fields = {told: unknown["conversationId"] if told == "conversationId" else turns}
        said = await asked(assistant, reply, fields=fields)
        assert (kind, True) == (said.get("offerHuman", False), said["answered"]), reply
        assert ("Ask for a person" in said["response"], "All right." in said["response"]) == (kind, not kind)
        assert "sources" not in said


async def test_a_yes_to_nothing_is_no_question(assistant):
    for reply in ("yes", "great, thanks", "no", "perfect!"):
        assert (await asked(assistant, reply))["answered"]


async def test_who_waits_for_a_human_is_not_offered_one_again(settings, assistant):
    begun = (await asked(assistant, NOBODY_KNOWS))["conversationId"]
    async with serving(handoff.create_app(settings)) as desk:
        assert (await desk.post("/api/handoff", json={"shopId": SHOP, "conversationId": begun})).is_success
    for message in (NOBODY_KNOWS, "can I talk to a person?", "yes please"):
        said = await asked(assistant, message, fields={"conversationId": begun})
        assert "asked for a person at the shop already" in said["response"], message
        assert "offerHuman" not in said
        assert "Would you like" not in said["response"]


async def test_a_message_under_a_key_is_one_turn_and_is_answered_as_before(settings, owner, assistant):
    mine = str(uuid7())
    body = {"message": "May I bring my dog?", "shopId": SHOP, "conversationId": mine}
    key = {"idempotency-key": "k1"}
    first, again = [await assistant.post("/api/chat", json=body, headers=key) for _ in range(2)]
    async with serving(chat.create_app(settings)) as other:
        elsewhere = await other.post("/api/chat", json=body, headers=key)
    assert (first.content, "true") == (again.content, again.headers["idempotent-replayed"])
    assert ("idempotent-replayed" in first.headers, first.content) == (False, elsewhere.content)
    changed = await assistant.post("/api/chat", json={**body, "message": "And a cat?"}, headers=key)
    assert is_problem(changed, 409, "idempotency-conflict")
    await asked(assistant, "May I bring my dog?", fields={"conversationId": mine}, headers={"idempotency-key": "k2"})
    kept = (await conversation(settings, owner, mine)).json()["conversation"]["messages"]
    assert ["user", "assistant"] * 2 == [message["role"] for message in kept]


async def test_a_message_under_a_key_whose_answer_is_lost_is_kept_once(settings, owner):
    body = {"message": "hello", "shopId": SHOP, "conversationId": str(uuid7())}
    for _ in range(2):
        async with serving(chat.create_app(settings)) as client:
            assert (await client.post("/api/chat", json=body, headers={"idempotency-key": "1"})).is_success
        shutil.rmtree(settings.home / "cache" / "answers")
    kept = (await conversation(settings, owner, body["conversationId"])).json()["conversation"]["messages"]
    assert 2 == len(kept)


async def test_a_key_without_a_conversation_proves_nothing(assistant):
    refused = await assistant.post("/api/chat", json={"message": "hello"}, headers={"idempotency-key": "1"})
    assert is_problem(refused, 400, "invalid-request")
    assert "/conversationId" == refused.json()["errors"][0]["pointer"]
