"""Server-sent events as they are written to the wire."""

import asyncio

from core.http.events import Event, EventStream


def test_an_event_is_its_name_its_id_and_one_line_of_data():
    assert b'event: token\nid: 7\ndata: {"text":"a"}\n\n' == Event("token", b'{"text":"a"}', "7").encoded()
    assert b"data: [DONE]\n\n" == Event(None, b"[DONE]").encoded()


async def test_a_silent_stream_beats_until_its_next_event():
    sent, beats = [], asyncio.Event()

    async def events():
        await beats.wait()
        yield Event("token", b"{}")

    async def send(message):
        sent.append(message)
        if [b":\n\n"] * 2 == [one.get("body") for one in sent]:
            beats.set()

    async def receive():
        return await asyncio.Future()

    await EventStream(events(), heartbeat_s=0.01).send_body(send, receive)
    assert [b"event: token\ndata: {}\n\n", b""] == [one["body"] for one in sent if one["body"] != b":\n\n"]
    assert not sent[-1]["more_body"]
