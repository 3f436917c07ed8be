"""A chat stream that a drain ends says how to go on, and a client that does what it says has its whole answer."""

import asyncio
import json
import shutil
from contextlib import closing
from pathlib import Path

from core.retrieval.lens import ensure_calibrated
from ops.host import control
from ops.release.snapshot import snapshot
from ops.unixhttp import UnixConnection
from tests.parts.faulty_chat import MODEL, faulty_chat
from tests.parts.hosts import running_host
from tests.parts.searching import learn, running, settings_of
from tests.parts.visits import parsed

ROOT = Path(__file__).parents[2]
DOGS = "Dogs are welcome as long as they stay on a lead."
QUESTION = json.dumps({"message": "May I bring my dog on a lead?", "shopId": 1})


def deployed(host, note):
    """A release of the real chat function, another one for each note."""
    source = host.tree / "functions" / "chat" / "__init__.py"
    source.write_text((ROOT / "functions" / "chat" / "__init__.py").read_text() + f"# {note}\n")
    request = {"op": "deploy", "name": "chat", "release": snapshot(host.tree, "chat", host.store).id, "by": "test"}
    answer = control.ask(host.run, request, timeout_s=60)
    assert answer.get("ok"), answer


def opened(connection, **headers):
    """The answer to the question as a stream of events."""
    named = {"Accept": "text/event-stream", "Content-Type": "application/json", **headers}
    connection.request("POST", "/api/chat", QUESTION, named)
    return connection.getresponse()


def interrupted(host):
    """What a client is told whose answer is being written when its function is deployed: to the end of the stream."""
    with closing(UnixConnection(str(host.run / "chat.sock"), 60)) as connection:
        stream = opened(connection)
        begun = stream.readline()
        while b"waiting" not in begun and b"writing" not in begun:
            begun += stream.readline()
        deployed(host, "second")
        return parsed(begun + stream.read())  # raises IncompleteRead when it is cut


def resumed(host, last_event_id):
    with closing(UnixConnection(str(host.run / "chat.sock"), 60)) as connection:
        return parsed(opened(connection, **{"Last-Event-ID": last_event_id}).read())


async def test_an_answer_that_a_drain_ends_is_gone_on_with_as_the_stream_says(database, model_server, monkeypatch):
    async with running(settings_of(database, model_server)) as process:
        await ensure_calibrated(process.database, process.embedder)
        await learn(process.learner, DOGS, shop_id=1)
    async with faulty_chat(model_server) as models:
        models.says = DOGS
        models.gate.clear()
        for name, value in settings_of(database, models, chat_model=MODEL).to_environ().items():
            monkeypatch.setenv(name, value)
        with running_host({}, "--drain-s", "1") as host:
            shutil.copytree(ROOT / "functions", host.tree / "functions", dirs_exist_ok=True)
            await asyncio.to_thread(deployed, host, "first")
            before = await asyncio.to_thread(interrupted, host)
            name, _, last = before[-1]
            assert ("resume", 500) == (name, last["retryMs"])
            assert last["lastEventId"] in [number for _, number, _ in before[:-1]]
            models.gate.set()
            after = await asyncio.to_thread(resumed, host, last["lastEventId"])
    assert ("status", {"state": "restarted"}) == (after[0][0], after[0][2])
    assert ("done", DOGS) == (after[-1][0], after[-1][2]["response"])
    assert DOGS == "".join(data["text"] for kind, _, data in after if kind == "token")
