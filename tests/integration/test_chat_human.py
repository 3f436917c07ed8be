"""A human and the assistant in one conversation: who is given a message, and that it is given once."""

import asyncio
from contextlib import asynccontextmanager
from uuid import UUID

import psycopg
import pytest
from uuid_utils.compat import uuid7

from core.answer.events import Answered, Status, Token
from core.handoff.incoming import Incoming
from core.recording import unless_taken
from functions import chat, handoff
from tests.parts.faulty_chat import MODEL, faulty_chat
from tests.parts.faulty_models import until
from tests.parts.functions import bearer, is_problem, new_key, serving, unreachable
from tests.parts.searching import knowing, settings_of
from tests.parts.talk import rows
from tests.parts.visits import parsed, visiting

SHOP = 1
CHAT = "/api/chat"
DOGS = "Dogs are welcome as long as they stay on a lead."
MAY_I = "May I bring my dog on a lead?"
EVENTS = "text/event-stream"


@pytest.fixture(scope="module")
async def settings(module_database, model_server):
    return await knowing(module_database, model_server, DOGS)


@pytest.fixture(scope="module")
async def desk(settings, module_database):
    async with serving(handoff.create_app(settings), headers=bearer(new_key(module_database, SHOP))) as client:
        yield client


@pytest.fixture(scope="module")
async def assistant(settings):
    async with serving(chat.create_app(settings)) as client:
        yield client


class Talk:
    """A conversation, and the human whom it may be handed over to."""

    def __init__(self, desk):
        self.id = str(uuid7())
        self._desk = desk
        self.place = ""

    async def asks(self):
        opened = await self._desk.post("/api/handoff", json={"shopId": SHOP, "conversationId": self.id})
        self.place = f"/api/handoff/{opened.json()['handoffId']}"

    async def replies(self):
        assert (await self._desk.post(f"{self.place}/messages", json={"content": "Maya here."})).is_success

    def body(self, message):
        return {"message": message, "shopId": SHOP, "conversationId": self.id}

    async def heard(self):
        """What the human was told by the visitor, but that one is asked for."""
        lines = (await self._desk.get(f"{self.place}/messages")).json()["messages"]
        return [line["content"] for line in lines if line["author"] == "visitor"][1:]


@pytest.fixture
def talk(desk):
    return Talk(desk)


async def streamed(client, body, last=None):
    more = {} if last is None else {"last-event-id": last}
    return parsed((await client.post(CHAT, json=body, headers={"accept": EVENTS, **more})).content)


async def test_a_stream_that_is_asked_for_again_gives_the_human_nothing_again(assistant, talk):
    answered = await streamed(assistant, talk.body(MAY_I))
    await talk.asks()
    await talk.replies()
    body = talk.body("Is there water for him?")
    (done,) = await streamed(assistant, body)
    assert done[2]["withHuman"]
    assert [] == await streamed(assistant, body, done[1])
    assert answered[2:] == await streamed(assistant, talk.body(MAY_I), answered[1][1])
    assert ["Is there water for him?"] == await talk.heard()


async def test_a_message_whose_answer_was_cut_is_given_to_the_human_once(assistant, talk):
    """The answer that the client names is not kept; of the ones that begin anew it may lose the end too."""
    await talk.asks()
    await talk.replies()
    body, cut = talk.body(MAY_I), f"{'a' * 32}-3"
    first = await streamed(assistant, body, cut)
    again = await streamed(assistant, body, cut)
    assert ["status", "done"] == [name for name, *_ in first] == [name for name, *_ in again]
    assert first[1:] == await streamed(assistant, body, first[0][1])
    assert [MAY_I] == await talk.heard()
    assert again[-1][2]["withHuman"]
    await streamed(assistant, talk.body("And a cat?"), cut)
    assert [MAY_I, "And a cat?"] == await talk.heard()


@asynccontextmanager
async def changing(database, statement, *values):
    """A change that is under way: when the block ends, whoever waits for it sees it."""
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute(statement, values)
        yield lambda: rows(database, "select 1 from pg_stat_activity where wait_event_type = 'Lock'")


@pytest.mark.parametrize("change", ["status = 'closed', closed_at = now()", "overdue_at = now()"])
async def test_who_is_given_back_to_the_assistant_in_between_is_answered_by_it(
    assistant, talk, module_database, change
):
    await talk.asks()
    await talk.replies()
    async with changing(module_database, f"update handoff set {change} where conversation_id = %s", talk.id) as waits:
        asked = asyncio.create_task(assistant.post(CHAT, json=talk.body(MAY_I)))
        await until(lambda: waits() or asked.done())
        assert not asked.done(), asked.result().text
    response = await asked
    assert (200, DOGS) == (response.status_code, response.json()["response"])
    assert [] == await talk.heard()


@pytest.mark.parametrize("accept", ["application/json", EVENTS])
async def test_who_takes_over_before_the_first_words_has_the_conversation(module_database, model_server, talk, accept):
    async with faulty_chat(model_server) as models:
        models.says = DOGS
        models.gate.clear()
        app = chat.create_app(settings_of(module_database, models, chat_model=MODEL))
        await talk.asks()
        async with serving(app), visiting(app, CHAT, talk.body(MAY_I), accept=accept) as visit:
            await models.served(1)
            await talk.replies()
            models.gate.set()
            await visit.task
    assert b'"withHuman":true' in visit.body
    assert DOGS.encode() not in visit.body
    assert [MAY_I] == await talk.heard()


async def test_an_answer_whose_beginning_was_read_is_told_to_its_end(assistant, talk):
    await talk.asks()

    async def written():
        yield Status("writing")
        yield Token("Dogs are")
        await talk.replies()
        yield Token(" welcome.")
        yield Answered("Dogs are welcome.", "written")

    services = assistant._transport.app.state.services
    incoming = Incoming(SHOP, UUID(talk.id), None, MAY_I)
    told = [event async for event in unless_taken(services, incoming, written(), whole=False, unsure=False)]
    assert "Dogs are welcome." == "".join(event.text for event in told if isinstance(event, Token))
    assert [] == await talk.heard()
    assert (await assistant.post(CHAT, json=talk.body("And cats?"))).json()["withHuman"]


async def test_what_was_answered_while_nobody_could_say_who_has_the_conversation_reaches_the_human_once(
    assistant, settings, talk, postgres, module_database
):
    """A worker that saw the human says that it cannot give them the message; one that did not answers, and keeps it."""
    await talk.asks()
    await talk.replies()
    assert (await assistant.post(CHAT, json=talk.body("Seen by this one?"))).json()["withHuman"]
    async with serving(chat.create_app(settings)) as other:
        with unreachable(postgres, module_database):
            refused = await assistant.post(CHAT, json=talk.body("hello"))
            answered = (await other.post(CHAT, json=talk.body("hello"))).json()
            told = await streamed(other, talk.body("thank you"))
            again = await streamed(other, talk.body("thank you"), f"{told[0][1][:16]}{'a' * 16}-9")
        assert is_problem(refused, 503, "database-unavailable")
        assert [True] * 3 == [one["response"] != "" for one in (answered, told[-1][2], again[-1][2])]
        outbox = other._transport.app.state.services.outbox
        assert await outbox.settle("handoff-unheard", 20)
    assert ["Seen by this one?", "hello", "thank you"] == sorted(await talk.heard())
    said = "select count(*) from message where conversation_id = %s and content = 'hello'"
    assert [(1,)] == rows(module_database, said, talk.id)


async def test_a_human_who_took_over_later_reads_what_was_answered_in_the_conversation_alone(
    settings, talk, postgres, module_database
):
    await talk.asks()
    async with serving(chat.create_app(settings)) as other:
        with unreachable(postgres, module_database):
            assert (await other.post(CHAT, json=talk.body("hello"))).json()["response"]
        outbox = other._transport.app.state.services.outbox
        await outbox.settle("turn", 20)
        await talk.replies()
        assert await outbox.settle("handoff-unheard", 20)
    assert [] == await talk.heard()
