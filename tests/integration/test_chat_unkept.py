"""Where nothing can be kept a visitor is answered all the same, told so, and the operator sees it."""

import msgspec
import pytest
from uuid_utils.compat import uuid7

from core.outbox.event import Event
from core.outbox.store import MIB, Store
from functions import chat, feedback, health
from ops.doctor import outbox as doctor
from ops.doctor.box import Box
from tests.parts.full_disk import full_disk
from tests.parts.functions import is_problem, serving
from tests.parts.searching import settings_of
from tests.parts.talk import turn
from tests.parts.visits import parsed

SHOP = 3
NEVER = 4e9
BODY = {"message": "hello", "shopId": SHOP}
MOST_METADATA = 8192


@pytest.fixture
async def settings(database, model_server):
    """The shop exists."""
    made = settings_of(database, model_server, outbox_size_mib=1)
    async with (
        serving(chat.create_app(made)) as client,
        client._transport.app.state.services.database.shop(SHOP) as conn,
    ):
        await conn.execute("select lock_shop()")
    return made


def fill(settings):
    store = Store(settings.home / "outbox")
    store.put([Event(kind="x", lane="delivery", shop_id=SHOP, topic="x", payload=b"x" * MIB, due_at=NEVER)])
    store.close()


async def test_an_answer_that_is_not_kept_says_so(settings):
    mine = str(uuid7())
    async with serving(chat.create_app(settings)) as client:
        kept = (await client.post("/api/chat", json=BODY)).json()
        fill(settings)
        lost = (await client.post("/api/chat", json=BODY)).json()
        again = (await client.post("/api/chat", json={**BODY, "conversationId": mine})).json()
        stream = await client.post("/api/chat", json=BODY, headers={"accept": "text/event-stream"})
        metrics = (await client.get("/metrics/chat")).text
    assert ("recorded" in kept, "conversationId" in kept) == (False, True)
    assert (kept["response"], False) == (lost["response"], lost["recorded"])
    assert (False, mine) == (again["recorded"], again["conversationId"])
    name, _, done = parsed(stream.content)[-1]
    assert ("done", False) == (name, done["recorded"])
    assert 3 == len({kept["conversationId"], lost["conversationId"], done["conversationId"]})
    assert 'edge_chat_lost_total{function="chat"} 3.0' in metrics


async def test_a_full_disk_is_told_alike(settings):
    async with serving(chat.create_app(settings)) as client:
        await client.post("/api/chat", json=BODY)
        with full_disk(1):
            lost = (await client.post("/api/chat", json=BODY)).json()
        kept = (await client.post("/api/chat", json=BODY)).json()
    assert (False, True) == (lost["recorded"], kept.get("recorded", True))


async def test_of_a_shop_that_there_is_not_nothing_is_promised(settings):
    async with serving(chat.create_app(settings)) as client:
        said = (await client.post("/api/chat", json={**BODY, "shopId": 77})).json()
    assert said["recorded"] is False


async def test_the_health_page_and_the_doctor_show_that_nothing_is_kept(settings):
    box = Box(settings, settings.home)
    async with serving(health.create_app(settings)) as client:
        well = (await client.get("/api/health")).json()
        (told,) = doctor.examine(box)
        assert ("ok", "ok", "ok") == (well["status"], well["checks"]["outbox"], told.level)
        fill(settings)
        full = (await client.get("/api/health")).json()
    (told,) = doctor.examine(box)
    assert ("degraded", "down", "fault") == (full["status"], full["checks"]["outbox"], told.level)
    store = Store(settings.home / "outbox")
    store.bury(store.listed()[0].event.id, "gone")
    assert ["fault", "warning"] == [one.level for one in doctor.examine(box)]


async def test_what_strangers_may_have_kept_is_bounded(settings):
    one = turn(shop_id=SHOP)
    async with serving(feedback.create_app(settings)) as client:
        await client._transport.app.state.services.recorder.record_turn(one)
        body = {"conversationId": str(one.conversation_id), "feedbackType": "thumbs_up"}
        most = {"n": "x" * (MOST_METADATA - len(msgspec.json.encode({"n": ""})))}
        more = {"n": most["n"] + "x"}
        assert (await client.post("/api/feedback/rating", json={**body, "metadata": most})).is_success
        refused = await client.post("/api/feedback/rating", json={**body, "metadata": more})
    assert is_problem(refused, 400, "invalid-request")
    assert "/metadata" == refused.json()["errors"][0]["pointer"]
