"""A person is forgotten everywhere, and what is old goes by itself."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
from uuid_utils.compat import uuid7

from core.cache.disk import DiskCache
from core.conversations import events
from core.conversations.feedback import Feedback, Neighbours, Transcript
from core.db import erasure
from core.db.contacts import set_contact
from core.db.feedback import Correction, Rating
from core.db.handoffs import Contact
from core.outbox.event import Event
from core.outbox.store import Store
from functions import chat, handoff
from tests.parts.functions import bearer, new_key, serving
from tests.parts.knowledge import opened
from tests.parts.searching import settings_of
from tests.parts.talk import outbox_over, rows, turn

EDGE = Path(sys.executable).with_name("edge")
TABLES = (
    "conversation",
    "conversation_user",
    "message",
    "feedback",
    "correction",
    "voice_transcript",
    "learning_queue",
    "place",
)
NEVER = 4e9
ADA = "ada-1815"


def edge(database, *arguments, module="ops.cli"):
    environ = {**os.environ, **database.settings.to_environ()}
    command = [EDGE, *arguments] if module == "ops.cli" else [sys.executable, "-m", module]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


async def talk(database, user_id, *, shop_id=3, at=None):
    """A conversation with one row of every kind, and one more turn that is still in the outbox."""
    one = turn(user_id=user_id, shop_id=shop_id, created_at=at or datetime.now(UTC))
    conversation_id = one.conversation_id
    rating = Rating(
        id=uuid7(),
        conversation_id=conversation_id,
        feedback_type="thumbs_down",
        rating=None,
        reason="rude",
        metadata={},
        created_at=one.created_at,
    )
    correction = Correction(
        id=uuid7(),
        conversation_id=conversation_id,
        original_response="a",
        corrected_answer="b",
        priority="low",
        context=None,
        metadata={},
    )
    spoken = Transcript(id=uuid7(), conversation_id=conversation_id, transcript="It is me, Ada.", metadata={})
    async with outbox_over(database.settings) as outbox:
        await outbox.put(events.turn_event(one), events.rating_event(shop_id, rating))
        assert await outbox.settle(events.RATING, 20)
    async with opened(database.settings) as pool:
        said = Feedback(pool, None, None)
        async with pool.shop(shop_id) as conn:
            await said.correct(conn, shop_id, correction, Neighbours())
            await said.transcribe(conn, shop_id, spoken, Neighbours())
    async with outbox_over(database.settings, drains=False) as outbox:
        waiting = events.turn_event(turn(conversation_id, user_id=user_id, shop_id=shop_id))
        await outbox.put(msgspec.structs.replace(waiting, due_at=NEVER))
    return conversation_id


def counts(database, shop_id):
    found = {}
    for table in TABLES:
        [(found[table],)] = rows(database, f"select count(*) from {table} where shop_id = %s", shop_id)
    return found


EACH = dict.fromkeys(TABLES, 1) | {"message": 2, "learning_queue": 3, "place": 4}


async def test_a_person_is_forgotten_everywhere_and_others_are_not(database):
    await talk(database, ADA)
    await talk(database, ADA, shop_id=4)
    await talk(database, "bob")
    cache = DiskCache(database.home / "cache", 8 << 20, "vectors")
    await cache.put(b"key", b"what Ada asked")
    cache.close()
    (file,) = (database.home / "cache").rglob("cache.db")
    run = edge(database, "forget", "--user", ADA, "--json")
    assert 0 == run.returncode, run.stderr
    told = json.loads(run.stdout)
    expected = {table: 2 * count for table, count in EACH.items() if table != "place"}
    assert expected == {table: count for table, count in told["removed"].items() if count}
    assert ({}, 2, ["vectors"]) == (told["left"], told["outboxEvents"], told["caches"])
    assert EACH == counts(database, 3)
    assert not any(counts(database, 4).values())
    assert not file.exists()
    store = Store(database.home / "outbox")
    assert ["bob"] == [stored.event.person for stored in store.listed()]
    assert not any(ADA.encode() in path.read_bytes() for path in (database.home / "outbox").iterdir())


async def test_every_user_of_a_conversation_is_known(database):
    """A guest logs in within a conversation: who they are then is theirs too, wherever it was said."""
    set_contact_of(database)
    guest = [turn(user_id="guest-77") for _ in range(3)]
    ids = [one.conversation_id for one in guest]
    key = bearer(new_key(database, 3))
    async with outbox_over(database.settings) as outbox:
        for one in [*guest, turn(ids[0], user_id=ADA)]:
            await outbox.put(events.turn_event(one))
        assert await outbox.settle(events.TURN, 20)
    async with serving(handoff.create_app(settings_of(database, None))) as client:
        for conversation_id, person in ((ids[1], ADA), (ids[2], "guest-77")):
            asked = await client.post(
                "/api/handoff", json={"shopId": 3, "conversationId": str(conversation_id), "userId": person}
            )
        place = f"/api/handoff/{asked.json()['handoffId']}/messages"
        assert (await client.post(place, json={"content": "Maya here."}, headers=key)).is_success
    async with serving(chat.create_app(settings_of(database, None))) as client:
        body = {"shopId": 3, "conversationId": str(ids[2]), "userId": ADA, "message": "It is me."}
        assert (await client.post("/api/chat", json=body)).json()["withHuman"]
    with psycopg.connect(database.owner_dsn) as owner:
        assert {"conversation": 3} == erasure.mentions(owner, 3, "user", ADA, [])
    told = json.loads(edge(database, "forget", "--user", ADA, "--json").stdout)
    assert (3, 2, {}) == (told["removed"]["conversation"], told["removed"]["handoff"], told["left"])
    assert [(0,)] == rows(database, "select count(*) from conversation_user")


async def test_a_person_may_be_forgotten_in_one_shop_alone(database):
    await talk(database, ADA)
    await talk(database, ADA, shop_id=4)
    run = edge(database, "forget", "--user", ADA, "--shop", "4")
    assert (0, True) == (run.returncode, "nothing is left" in run.stdout)
    assert (EACH, False) == (counts(database, 3), any(counts(database, 4).values()))


async def test_a_person_who_only_the_outbox_knows_is_forgotten(database):
    async with outbox_over(database.settings, drains=False) as outbox:
        one = turn(user_id=ADA)
        await outbox.put(
            events.turn_event(one),
            Event(kind="x", lane="delivery", shop_id=3, topic=str(one.conversation_id), payload=b""),
        )
    told = json.loads(edge(database, "forget", "--user", ADA, "--json").stdout)
    assert (2, {}) == (told["outboxEvents"], told["left"])
    assert (0, 0) == Store(database.home / "outbox").counts()


async def test_who_has_no_user_id_is_known_by_a_conversation_a_hand_off_or_a_contact(database):
    bob = str(await talk(database, "bob"))
    set_contact_of(database)
    async with serving(handoff.create_app(settings_of(database, None))) as client:
        asked = []
        for number in range(3):
            body = {"shopId": 3, "message": "It is me.", "contact": f"Ada{number}@mail.example"}
            asked.append((await client.post("/api/handoff", json=body)).json())
    by = [
        ("--conversation", asked[0]["conversationId"]),
        ("--handoff", asked[1]["handoffId"].upper()),
        ("--contact", "ada2@mail.example"),
    ]
    for how, value in by:
        run = edge(database, "forget", how, value, "--json")
        told = json.loads(run.stdout)
        assert (0, {}, 1) == (run.returncode, told["left"], told["removed"]["handoff"]), run.stderr
        assert 2 <= told["outboxEvents"]  # the webhook's call, and the patience
    assert EACH | {"place": 4} == counts(database, 3)
    assert [(0,)] == rows(database, "select count(*) from handoff")
    assert bob not in {one["conversationId"] for one in asked}
    wrong = edge(database, "forget", "--user", ADA, "--contact", "x")
    assert (2, True) == (wrong.returncode, "give one of --user, --conversation, --handoff, --contact" in wrong.stderr)


async def test_what_was_answered_under_a_key_is_forgotten_too(database):
    set_contact_of(database)
    async with serving(handoff.create_app(settings_of(database, None))) as client:
        for person in (ADA, "bob"):
            body = {"shopId": 3, "userId": person, "conversationId": str(uuid7())}
            asked = (await client.post("/api/handoff", json=body, headers={"idempotency-key": "1"})).json()
            said = {"authorization": f"Bearer {asked['visitorToken']}", "idempotency-key": "2"}
            path = f"/api/handoff/{asked['handoffId']}/messages"
            assert (await client.post(path, json={"content": "It is me."}, headers=said)).is_success
    told = json.loads(edge(database, "forget", "--user", ADA, "--json").stdout)
    assert ({}, 2) == (told["left"], told["removed"]["idempotency"])
    kept = [bytes(response).decode() for (response,) in rows(database, "select response from idempotency")]
    assert (2, True) == (len(kept), asked["conversationId"] in "".join(kept))


async def test_the_proof_finds_what_is_said_in_bytes(database):
    conversation_id = await talk(database, ADA)
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute(
            "insert into idempotency (shop_id, key_hash, request_hash, status, response)"
            " values (3, sha256('k'), sha256('r'), 200, %s)",
            [b'{"conversationId":"%s"}' % str(conversation_id).encode()],
        )
    run = edge(database, "forget", "--user", ADA, "--json")
    assert (1, {"idempotency": 1}) == (run.returncode, json.loads(run.stdout)["left"])


def test_an_answer_under_a_key_is_gone_after_a_day_without_another(database):
    set_contact_of(database)
    with psycopg.connect(database.superuser_dsn) as conn:
        for key, age in (("old", "25 hours"), ("new", "23 hours")):
            conn.execute(
                "insert into idempotency (shop_id, key_hash, request_hash, status, response, created_at)"
                " values (3, sha256(%s), sha256('r'), 200, %s, now() - %s::interval)",
                [key.encode(), key.encode(), age],
            )
    assert 0 == edge(database, module="ops.upkeep").returncode
    assert [(b"new",)] == rows(database, "select response from idempotency")


def set_contact_of(database):
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        set_contact(owner, 3, Contact(None, "http://127.0.0.1:9/nobody", "a secret of sixteen"))


def test_where_there_is_no_outbox_nobody_is_said_to_be_forgotten(database, tmp_path):
    environ = {**os.environ, **database.settings.to_environ(), "EDGE_HOME": str(tmp_path / "elsewhere")}
    run = subprocess.run(
        [EDGE, "forget", "--user", ADA], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (4, []) == (run.returncode, list(tmp_path.iterdir()))


async def test_the_proof_finds_what_another_table_still_says(database):
    conversation_id = await talk(database, ADA)
    note = f"asked in {conversation_id}"
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("select set_config('edge.shop_id', '3', true)")
        owner.execute("insert into passage (shop_id, id, content) values (3, gen_random_uuid(), %s)", [note])
    run = edge(database, "forget", "--user", ADA, "--json")
    assert (1, 1) == (json.loads(run.stdout)["left"]["passage"], run.returncode)
    assert "still there: passage 1" in run.stderr


async def test_what_is_older_than_the_retention_goes_with_the_upkeep(database):
    old = datetime.now(UTC) - timedelta(days=91)
    await talk(database, "bob")
    one = turn(user_id=ADA, created_at=old)
    dead = Event(kind="turn", lane="database", shop_id=3, topic="t", payload=b"", created_at=old.timestamp())
    async with outbox_over(database.settings) as outbox:
        await outbox.put(events.turn_event(one))
        assert await outbox.settle(events.TURN, 20, topic=str(one.conversation_id))
    store = Store(database.home / "outbox")
    store.put([dead])
    store.bury(dead.id, "broken")
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute(
            "insert into voice_transcript (shop_id, id, transcript, created_at) values (3, %s, 'old', %s)",
            [uuid7(), old],
        )
    run = edge(database, module="ops.upkeep")
    assert 0 == run.returncode, run.stderr
    assert "2 conversations and transcripts were older than 90 days" in run.stdout
    assert EACH == counts(database, 3)
    assert (1, 0) == store.counts()


async def test_nothing_is_drained_while_a_person_is_being_forgotten(database):
    """The command waits for the lane; what is applied before is deleted with the rest."""
    async with outbox_over(database.settings) as outbox:
        for _ in range(20):
            await outbox.put(events.turn_event(turn(user_id=ADA)))
        run = await asyncio.to_thread(edge, database, "forget", "--user", ADA, "--json")
        assert ({}, 0) == (json.loads(run.stdout)["left"], run.returncode)
        assert await outbox.settle(events.TURN, 20)
    assert [(0,)] == rows(database, "select count(*) from conversation where user_id = %s", ADA)
