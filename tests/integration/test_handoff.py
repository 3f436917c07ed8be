"""A human is asked for, told by mail and webhook, answers live, and gives the conversation back."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from contextlib import asynccontextmanager

import msgspec
import psycopg
import pytest
from uuid_utils.compat import uuid7

from core.conversations.events import turn_event
from core.conversations.recorder import Recorder
from core.db.contacts import set_contact
from core.db.handoffs import Contact
from core.db.pool import Database
from core.facts.book import Change, FactBook
from core.facts.types import Facts
from core.handoff import webhook
from core.handoff.incoming import Incoming
from core.handoff.lookout import LOOK_S, Lookout
from core.handoff.notices import About, notices
from core.knowledge.once import Reply
from core.outbox.store import Store
from core.settings import Settings
from functions import conversations, handoff
from functions.handoff import watching
from functions.handoff.party import Party
from tests.parts.functions import bearer, is_problem, new_key, serving, unreachable
from tests.parts.receivers import hook, mailbox
from tests.parts.searching import settings_of
from tests.parts.talk import outbox_over, rows, turn

SHOP = 3
HANDOFF = "/api/handoff"
REPLAYED = "idempotent-replayed"
OWNER_MAIL = "owner@shop.example"
SECRET = "a secret of sixteen or more"


@pytest.fixture(scope="module")
def box():
    with mailbox() as server:
        yield server


@pytest.fixture(scope="module")
def receiver():
    with hook() as server:
        yield server


@pytest.fixture(scope="module")
async def app(module_database, box, receiver):
    named(module_database, Contact(None, receiver.url, SECRET))
    settings = settings_of(module_database, None, smtp_url=box.url, owner_email=OWNER_MAIL)
    async with serving(handoff.create_app(settings), timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
async def owner(module_database):
    return bearer(new_key(module_database, SHOP))


@pytest.fixture(scope="module")
async def recorder(module_database):
    database = await Database.open(module_database.settings)
    async with outbox_over(module_database.settings, drains=False) as outbox:
        yield Recorder(database, outbox, patience_s=30)
    await database.close()


def named(database, contact, shop_id=SHOP):
    """A shop with this contact."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as conn:
        set_contact(conn, shop_id, contact)


async def opened(client, **fields):
    """The answer to a visitor who asks, with the visitor's header and the hand-off's path."""
    response = await client.post(HANDOFF, json={"shopId": SHOP, **fields})
    assert response.status_code == 200, response.text
    answer = response.json()
    return answer, bearer(answer["visitorToken"]), f"{HANDOFF}/{answer['handoffId']}"


async def said(client, path, content, headers):
    response = await client.post(f"{path}/messages", json={"content": content}, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def lines(client, path, headers, **params):
    response = await client.get(f"{path}/messages", headers=headers, params=params)
    return [(line["author"], line["status"], line["content"]) for line in response.json()["messages"]]


async def until(truth, what):
    """Wait for a condition; the test's own timeout is the limit."""
    deadline = time.monotonic() + 60
    while not truth():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


def mails_of(box, answer):
    return [mail for mail in box.mails if answer["handoffId"] in mail.get_content()]


def calls_of(receiver, answer):
    bodies = [(headers, json.loads(body), body) for headers, body in receiver.calls]
    return [call for call in bodies if call[1]["handoffId"] == answer["handoffId"]]


async def test_a_visitor_asks_and_is_told_what_will_happen(app):
    answer, visitor, path = await opened(app, message=" I need a person. ", contact="ada@mail.example")
    assert (True, "waiting", {"open": None, "opensAt": None}) == (answer["success"], answer["status"], answer["hours"])
    assert "if nobody has in 10 minutes" in answer["message"]
    shown = (await app.get(path, headers=visitor)).json()["handoff"]
    assert (answer["conversationId"], "waiting", None) == (shown["conversationId"], shown["status"], shown["contact"])
    assert [("visitor", "waiting", "I need a person."), ("system", "waiting", answer["message"])] == await lines(
        app, path, visitor
    )


async def test_of_a_shop_that_nobody_is_told_of_nothing_is_promised(app, module_database):
    named(module_database, Contact(), shop_id=SHOP + 2)
    settings = settings_of(module_database, None, owner_email=OWNER_MAIL)  # and no mail server
    async with serving(handoff.create_app(settings)) as client:
        answer = (await client.post(HANDOFF, json={"shopId": SHOP + 2})).json()
    assert answer["shopTold"] is False
    assert "nobody at the shop gets a notice" in answer["message"]
    assert "Somebody will answer" not in answer["message"]
    assert (await opened(app))[0]["shopTold"] is True


async def test_nobody_waits_at_a_shop_that_nobody_made(app, module_database):
    for headers in ({}, {"idempotency-key": "again-and-again"}):
        body = {"shopId": 4242, "conversationId": str(uuid7())}
        assert is_problem(await app.post(HANDOFF, json=body, headers=headers), 404, "not-found")
    assert [] == rows(module_database, "select id from shop where id = 4242")


async def test_the_owner_gets_a_mail_that_can_be_answered_and_a_signed_call(app, box, receiver):
    contact = "ada@mail.example"
    answer, _, _ = await opened(app, message="Can I\nbring my dog?", contact=contact)
    await until(lambda: mails_of(box, answer) and calls_of(receiver, answer), "nothing was delivered")
    (mail,), ((headers, body, raw),) = mails_of(box, answer), calls_of(receiver, answer)
    assert (OWNER_MAIL, contact) == (mail["to"], mail["reply-to"])
    assert "A visitor asks for a human" in mail["subject"]
    assert "Can I\nbring my dog?" in mail.get_content().replace("\r", "")
    assert ("handoff.opened", SHOP, 1, "visitor") == tuple(
        body[name] for name in ("event", "shopId", "number", "author")
    )
    assert body["eventId"] == headers[webhook.EVENT_ID.lower()]
    at, given = (part.split("=")[1] for part in headers[webhook.SIGNATURE.lower()].split(","))
    assert abs(time.time() - int(at)) < 300
    assert hmac.new(SECRET.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest() == given


async def test_a_human_has_the_conversation_from_their_first_reply_until_it_is_closed(
    app, owner, recorder, module_database
):
    answer, visitor, path = await opened(app)
    place = SHOP, uuid.UUID(answer["conversationId"])
    assert not (await recorder.handoff_seen(*place)).is_human
    assert "active" == (await said(app, path, "Hello, Ada of the shop here.", owner))["status"]
    assert (await recorder.handoff_seen(*place)).is_human
    assert "active" == (await said(app, path, "When?", visitor))["status"]
    assert "closed" == (await app.post(f"{path}/close", headers=owner)).json()["status"]
    assert not (await recorder.handoff_seen(*place)).is_human
    response = await app.post(f"{path}/messages", json={"content": "Still there?"}, headers=visitor)
    assert is_problem(response, 409, "conflict")
    assert 200 == (await app.post(f"{path}/close", headers=visitor)).status_code
    async with serving(conversations.create_app(settings_of(module_database, None)), headers=owner) as reading:
        found = (await reading.get(f"/api/conversations/{answer['conversationId']}")).json()["conversation"]
    assert ["user", "human", "user"] == [message["role"] for message in found["messages"]]


async def test_a_conversation_has_one_hand_off_at_a_time(app, owner):
    answer, _, path = await opened(app)
    again = {"shopId": SHOP, "conversationId": answer["conversationId"]}
    assert is_problem(await app.post(HANDOFF, json=again), 409, "conflict")
    await app.post(f"{path}/close", headers=owner)
    assert 200 == (await app.post(HANDOFF, json=again)).status_code


async def test_the_same_key_opens_one_hand_off_and_keeps_one_message(app, module_database):
    headers, body = {"idempotency-key": str(uuid.uuid4())}, {"shopId": SHOP, "conversationId": str(uuid7())}
    first, second = [await app.post(HANDOFF, json=body, headers=headers) for _ in range(2)]
    assert (first.content, [None, "true"]) == (second.content, [one.headers.get(REPLAYED) for one in (first, second)])
    answer = first.json()
    visitor, path = bearer(answer["visitorToken"]), f"{HANDOFF}/{answer['handoffId']}"
    numbers = {(await said(app, path, "Once, please.", headers | visitor))["number"] for _ in range(3)}
    assert 1 == len(numbers)
    kept = b"".join(bytes(response) for (response,) in rows(module_database, "select response from idempotency"))
    assert answer["handoffId"].encode() in kept
    assert b"visit_" not in kept


async def test_both_sides_speak_at_once_with_a_key_and_without(app, owner):
    _, visitor, path = await opened(app)
    keys = [{"idempotency-key": str(uuid.uuid4())} for _ in range(12)]
    spoken = [said(app, path, "V", visitor | key) for key in keys] + [said(app, path, "O", owner) for _ in keys]
    assert set(range(3, 27)) == {answer["number"] for answer in await asyncio.gather(*spoken)}


async def test_a_key_that_somebody_else_sends_too_gives_nobody_anothers_token(app):
    headers = {"idempotency-key": "1"}
    bodies = [{"shopId": SHOP, "userId": "ada", "conversationId": str(uuid7())} for _ in range(2)]
    first, second = [(await app.post(HANDOFF, json=body, headers=headers)).json() for body in bodies]
    assert first["handoffId"] != second["handoffId"]
    assert first["visitorToken"] != second["visitorToken"]
    assert is_problem(await app.post(HANDOFF, json={"shopId": SHOP}, headers=headers), 400, "invalid-request")
    other = await app.post(HANDOFF, json={**bodies[0], "message": "Me!"}, headers=headers)
    assert is_problem(other, 409, "idempotency-conflict")


async def test_nobody_else_reads_or_writes(app, owner, module_database):
    answer, visitor, path = await opened(app, contact="0171 555")
    other, operator = (bearer(new_key(module_database, shop_id)) for shop_id in (SHOP + 1, None))
    _, stranger, _ = await opened(app)
    for method, place in (("GET", ""), ("GET", "/messages"), ("GET", "/events"), ("POST", "/close")):
        assert is_problem(await app.request(method, path + place, headers=stranger), 401, "unauthorized")
        assert is_problem(await app.request(method, path + place), 401, "unauthorized")
        assert is_problem(await app.request(method, path + place, headers=other), 404, "not-found")
    assert is_problem(await app.get(f"{HANDOFF}/{uuid7()}", headers=visitor), 404, "not-found")
    assert is_problem(await app.get(HANDOFF, params={"shopId": SHOP}, headers=visitor), 401, "unauthorized")
    assert is_problem(await app.get(HANDOFF, params={"shopId": SHOP}, headers=other), 403, "forbidden")
    listed = (await app.get(HANDOFF, params={"shopId": SHOP, "limit": 100}, headers=owner)).json()["handoffs"]
    assert "0171 555" == next(one["contact"] for one in listed if one["id"] == answer["handoffId"])
    assert 200 == (await app.get(path, headers=operator)).status_code


async def test_a_hand_off_that_is_closed_is_listed_only_when_asked_for(app, owner):
    answer, visitor, path = await opened(app)
    await app.post(f"{path}/close", headers=visitor)
    for status, expected in (("open", False), ("all", True)):
        params = {"shopId": SHOP, "limit": 100, "status": status}
        listed = (await app.get(HANDOFF, params=params, headers=owner)).json()["handoffs"]
        assert expected == (answer["handoffId"] in [one["id"] for one in listed])


async def streamed(services, answer, after=0):
    """Number, kind and content of each event of a stream, until the one that closes it."""
    party = Party(SHOP, "visitor")
    async for event in watching.Following(services, party, uuid.UUID(answer["handoffId"]), after).lines():
        yield int(event.id), event.name, json.loads(event.data)["content"]


async def test_replies_reach_the_visitor_live_and_a_reconnect_goes_on_after_the_last_line(app, owner):
    answer, visitor, path = await opened(app, message="Hello?")
    services = app._transport.app.state.services
    got = []

    async def follow():
        async for event in streamed(services, answer):
            got.append(event)  # noqa: PERF401 - what came so far is looked at

    following = asyncio.create_task(follow())
    await until(lambda: got or following.done(), "nothing came")
    await said(app, path, "Here I am.", owner)
    await until(lambda: "Here I am." in [content for *_, content in got], "the reply did not come")
    await app.post(f"{path}/close", headers=owner)
    await asyncio.wait_for(following, 20)
    assert [1, 2, 3, 4] == [number for number, *_ in got]
    assert ["message", "state", "message", "state"] == [kind for _, kind, _ in got]
    response = await app.get(f"{path}/events", headers={**visitor, "last-event-id": "2", "accept": "text/event-stream"})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert ["id: 3", "id: 4"] == [line for line in response.text.splitlines() if line.startswith("id:")]
    assert is_problem(
        await app.get(f"{path}/events", headers={**visitor, "accept": "image/png"}), 406, "not-acceptable"
    )


async def test_a_stream_outlives_the_database(app, owner, postgres, module_database):
    answer, _, path = await opened(app)
    services = app._transport.app.state.services
    following = watching.Following(services, Party(SHOP, "visitor"), uuid.UUID(answer["handoffId"]), 2)
    coming = asyncio.ensure_future(anext(following.lines()))
    with unreachable(postgres, module_database):
        await asyncio.wait((coming,), timeout=2 * LOOK_S)
        assert not coming.done()
    await until_said(app, path, "Back again.", owner)
    assert "Back again." == json.loads((await asyncio.wait_for(coming, 20)).data)["content"]
    assert b'{"lastEventId":"3","retryMs":2000}' == following.farewell().data


class Counted(Database):
    """A database that notes how many hand-offs each statement asks about."""

    def __init__(self, settings):
        super().__init__(settings)
        self.asked = []

    async def read(self, shop_id, statement, params=None, **more):
        self.asked.append((shop_id, len(params[1]) if params else 0))
        return await super().read(shop_id, statement, params, **more)


async def test_all_streams_of_a_worker_share_one_statement_a_shop(module_database):
    database = await Counted.open(module_database.settings)
    lookout = Lookout(database)
    ids = [uuid7() for _ in range(20)]
    waiting = [asyncio.create_task(lookout.wait(SHOP + shop, one, 0)) for one in ids for shop in (0, 1) for _ in "ab"]
    await until(lambda: len(database.asked) >= 4, "nobody looked")
    assert {(SHOP, 20), (SHOP + 1, 20)} == set(database.asked)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert not [task for task in asyncio.all_tasks() if "Lookout._look" in repr(task) and not task.cancelling()]
    await database.close()


async def until_said(app, path, content, headers):
    for _ in range(50):
        response = await app.post(f"{path}/messages", json={"content": content}, headers=headers)
        if response.status_code == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(response.text)


@asynccontextmanager
async def impatient(database, **changes):
    async with serving(handoff.create_app(settings_of(database, None, handoff_patience_min=0.01, **changes))) as client:
        yield client


async def status_of(client, path, headers):
    return (await client.get(path, headers=headers)).json()["handoff"]["status"]


async def test_a_visitor_whom_nobody_answers_is_told_and_the_assistant_may_speak_again(
    module_database, owner, recorder, box
):
    async with impatient(module_database, smtp_url=box.url, owner_email=OWNER_MAIL) as client:
        answer, visitor, path = await opened(client)
        place = SHOP, uuid.UUID(answer["conversationId"])
        await overdue(client, path, visitor)
        assert "Nobody has answered yet." in (await lines(client, path, visitor))[-1][2]
        await until(
            lambda: "still waits" in " ".join(mail["subject"] for mail in mails_of(box, answer)), "no second mail"
        )
        await said(client, path, "Sorry, here I am.", owner)
        assert ("active", True) == (
            await status_of(client, path, visitor),
            (await recorder.handoff_seen(*place)).is_human,
        )
        await said(client, path, "One more thing.", visitor)
        await overdue(client, path, visitor)
        assert not (await recorder.handoff_seen(*place)).is_human


async def overdue(client, path, headers):
    deadline = time.monotonic() + 60
    while await status_of(client, path, headers) != "overdue":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_a_visitor_who_was_answered_in_time_is_not_told_otherwise(module_database, owner):
    async with impatient(module_database) as client:
        answer, visitor, path = await opened(client)
        await said(client, path, "At once.", owner)
        outbox = client._transport.app.state.services.outbox
        assert await outbox.settle("handoff-patience", 30, topic=answer["conversationId"])
        assert "active" == await status_of(client, path, visitor)


async def test_a_mail_server_that_is_away_is_tried_again_and_one_that_refuses_is_not(database):
    named(database, Contact())
    with mailbox() as box:
        settings = settings_of(database, None, smtp_url=box.url, owner_email=OWNER_MAIL)
        store = Store(database.home / "outbox")
        async with serving(handoff.create_app(settings)) as client:
            box.stop()
            answer, _, _ = await opened(client)
            await until(lambda: any(one.attempts for one in store.waiting("handoff-mail")), "it was not tried")
            assert "the mail server cannot be used" in store.waiting("handoff-mail")[0].error
            box.start()
            await until(lambda: mails_of(box, answer), "the mail did not come")
            box.refuses = "451 come back later"
            await opened(client)
            await until(lambda: any(one.attempts for one in store.waiting("handoff-mail")), "it was not tried")
            box.refuses = "550 no such user"
            await until(lambda: store.listed(dead=True), "it was not given up")
            assert "Undeliverable: the mail server refuses the recipient: 550" == store.listed(dead=True)[0].error


@pytest.mark.parametrize(("status", "dead"), [(500, False), (404, False), (302, False), (410, True)])
async def test_a_receiver_that_does_not_take_a_call_is_asked_again_unless_it_is_gone(database, status, dead):
    with hook() as receiver, hook() as elsewhere:
        receiver.status, receiver.location = status, elsewhere.url
        named(database, Contact(None, receiver.url, SECRET))
        store = Store(database.home / "outbox")
        async with serving(handoff.create_app(settings_of(database, None))) as client:
            answer, _, _ = await opened(client)
            await until(
                lambda: any(one.attempts for one in store.listed() if one.event.kind == "handoff-webhook"), "no call"
            )
            assert dead == bool(store.listed(dead=True))
            if not dead:
                receiver.status = 204
                await until(lambda: not store.waiting("handoff-webhook"), "not delivered")
                ids = {headers[webhook.EVENT_ID.lower()] for headers, *_ in calls_of(receiver, answer)}
                assert 1 == len(ids)
        assert [] == elsewhere.calls


async def test_a_receiver_that_is_slow_delays_neither_the_visitor_nor_a_turn(database, monkeypatch):
    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.3)
    with hook() as receiver:
        receiver.hold.clear()
        named(database, Contact(None, receiver.url, SECRET))
        store = Store(database.home / "outbox")
        async with serving(handoff.create_app(settings_of(database, None))) as client:
            answer, visitor, path = await opened(client)
            assert "waiting" == (await said(client, path, "And?", visitor))["status"]
            await until(lambda: any(one.attempts for one in store.waiting("handoff-webhook")), "it was not given up on")
            assert (
                "WebhookError: the receiver does not answer: TimeoutError" == store.waiting("handoff-webhook")[0].error
            )
            receiver.hold.set()
            await until(lambda: not store.waiting("handoff-webhook"), "not delivered")
        assert {"handoff.opened", "handoff.message"} == {body["event"] for _, body, _ in calls_of(receiver, answer)}


async def test_a_mail_tells_what_was_said_before_in_the_time_of_the_shop_and_where_to_answer(app, box):
    services = app._transport.app.state.services
    facts = Facts(time_zone="Asia/Kathmandu")
    await FactBook(services.database).put(SHOP, facts, lambda _: Reply(b""), Change())
    before = turn(shop_id=SHOP, message="May I bring Rex?", response="I don't know that.")
    await services.outbox.put(turn_event(before))
    assert await services.outbox.settle("turn", 30)
    answer, _, _ = await opened(app, conversationId=str(before.conversation_id), message="A person, please.")
    await until(lambda: mails_of(box, answer), "no mail came")
    told = mails_of(box, answer)[0].get_content().replace("\r", "")
    assert "+0545  visitor: A person, please." in told
    earlier = told.partition("Before that, with the assistant:\n")[2]
    assert ["visitor: May I bring Rex?", "assistant: I don't know that."] == [
        line.partition("  ")[2] for line in earlier.splitlines()
    ]
    assert f"POST {services.settings.base_url}/api/handoff/{answer['handoffId']}/messages" in told


async def test_every_line_is_delivered_however_fast_they_come(app, owner, receiver):
    answer, visitor, path = await opened(app)
    await said(app, path, "I am here.", owner)
    for number in range(8):
        await said(app, path, f"v{number}", visitor)
    await app.post(f"{path}/close", headers=visitor)
    await until(lambda: len(calls_of(receiver, answer)) == 10, "not all was delivered")
    told = [(body["event"], body["content"]) for _, body, _ in calls_of(receiver, answer)]
    assert {f"v{number}" for number in range(8)} == {content for event, content in told if event == "handoff.message"}
    assert 1 == [event for event, _ in told].count("handoff.closed")


async def test_a_notice_that_is_ahead_of_its_line_waits_for_it(app, receiver):
    """The outbox has it before the commit, and any process may look there in between."""
    answer, visitor, path = await opened(app)
    await until(lambda: calls_of(receiver, answer), "nothing was delivered")
    outbox = app._transport.app.state.services.outbox
    about = About(SHOP, uuid.UUID(answer["conversationId"]), uuid.UUID(answer["handoffId"]))
    (event,) = notices(about, "closed", 3, Contact(None, receiver.url, SECRET), Settings.from_environ({}))
    await outbox.put(event)
    store = Store(app._transport.app.state.services.settings.home / "outbox")
    await until(lambda: [one.error for one in store.waiting("handoff-webhook") if one.error], "it was not looked at")
    assert ["handoff.opened"] == [body["event"] for _, body, _ in calls_of(receiver, answer)]
    await app.post(f"{path}/close", headers=visitor)
    await until(lambda: len(calls_of(receiver, answer)) == 2, "it was lost")
    assert "handoff.closed" == calls_of(receiver, answer)[-1][1]["event"]


@pytest.mark.parametrize("occasion", ["message", "overdue"])
async def test_a_notice_of_a_line_that_was_rolled_back_is_dropped(app, receiver, box, occasion):
    answer, _, _ = await opened(app)
    await until(lambda: calls_of(receiver, answer) and mails_of(box, answer), "nothing was delivered")
    services = app._transport.app.state.services
    about = About(SHOP, uuid.UUID(answer["conversationId"]), uuid.UUID(answer["handoffId"]))
    lost = notices(about, occasion, 2, Contact(None, receiver.url, SECRET), services.settings)
    store = Store(services.settings.home / "outbox")
    await services.outbox.put(*(msgspec.structs.replace(one, created_at=time.time() - 61) for one in lost))
    await until(lambda: not [*store.waiting("handoff-webhook"), *store.waiting("handoff-mail")], "it is still there")
    assert (1, 1) == (len(calls_of(receiver, answer)), len(mails_of(box, answer)))


async def test_a_notice_of_a_hand_off_that_was_never_committed_is_dropped(database, box):
    """The process may be killed between the outbox and the commit: the notice is not delivered then."""
    settings = settings_of(database, None, smtp_url=box.url, owner_email=OWNER_MAIL)
    (event,) = notices(About(SHOP, uuid7(), uuid7()), "opened", 1, Contact(), settings)
    old = msgspec.structs.replace(event, created_at=time.time() - 61)
    store = Store(database.home / "outbox")
    async with serving(handoff.create_app(settings)) as client:
        outbox = client._transport.app.state.services.outbox
        asked = box.asked
        await outbox.put(old)
        await until(lambda: not store.listed(), "it is still there")
        assert (asked, 0) == (box.asked, len(store.listed(dead=True)))


async def test_without_the_database_nobody_is_promised_a_human(app, postgres, module_database):
    with unreachable(postgres, module_database):
        response = await app.post(HANDOFF, json={"shopId": SHOP})
        assert is_problem(response, 503, "database-unavailable")


async def test_a_message_that_came_to_the_assistant_is_passed_on_to_the_human(app, owner, module_database):
    answer, visitor, path = await opened(app)
    desk, place = app._transport.app.state.services.desk, (SHOP, uuid.UUID(answer["conversationId"]))
    assert not await desk.pass_on(Incoming(*place, None, "Anybody?"))
    await said(app, path, "Yes.", owner)
    assert await desk.pass_on(Incoming(*place, None, "Good."))
    assert ("visitor", "active", "Good.") == (await lines(app, path, visitor))[-1]
    counted = "select count(*) from message where content = 'Good.' and role = 'user'"
    assert [(1,)] == rows(module_database, counted)
