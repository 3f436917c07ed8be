"""Server-sent events across a deploy: they go on until their end, or until the drain's end, and are never cut."""

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager

from ops.unixhttp import UnixConnection
from tests.parts.hosts import HELLO, running_host

STREAMING = """
import asyncio
from litestar.response import ServerSentEvent


async def numbers(count: int):
    for number in range(count):
        yield str(number)
        await asyncio.sleep(0.02)


@get("/numbers/{count:int}")
async def stream(count: int) -> ServerSentEvent:
    return ServerSentEvent(numbers(count))


def create_app"""
FOR_EVER = 1_000_000


def source(word: str) -> str:
    text = HELLO.format(name="one", word=word).replace("def create_app", STREAMING)
    return (
        text.replace("Litestar([word]", "Litestar([word, stream]")
        .replace("import Litestar, get", "import Litestar, get\nfrom litestar.params import FromPath")
        .replace("count: int) -> Server", "count: FromPath[int]) -> Server")
    )


@contextmanager
def stream(host, count: int) -> Iterator[http.client.HTTPResponse]:
    with closing(UnixConnection(str(host.run / "one.sock"), 30.0)) as connection:
        connection.request("GET", f"/numbers/{count}")
        answer = connection.getresponse()
        assert b"data: 0" in answer.readline()
        yield answer


def test_a_stream_outlives_the_deploy_of_another_release():
    with running_host({"one": source("old")}) as host, stream(host, 60) as open_stream:
        old = host.function("one")["workers"]
        assert host.deploy("one", source("new"))["ok"]
        assert (200, "new") == host.get("one", "/word")
        assert host.function("one")["draining"]
        assert b"data: 59" in open_stream.read()  # raises IncompleteRead when it is cut
        host.wait_until(lambda: not host.family() & {*old})


def test_a_stream_that_is_open_when_the_drain_ends_is_ended_in_good_order_and_its_worker_goes():
    with running_host({"one": source("old")}, "--drain-s", "1") as host, stream(host, FOR_EVER) as open_stream:
        old = host.function("one")["workers"]
        assert host.deploy("one", source("new"))["ok"]
        events = open_stream.read()  # the answer's last chunk came
        assert b"data: 1\r\n" in events
        host.wait_until(lambda: not host.family() & {*old})
        assert (200, "new") == host.get("one", "/word")


TRICKLING = """
from litestar.response import Stream


@get("/trickle")
async def trickle() -> Stream:
    return Stream(numbers(1_000_000), media_type="text/plain")


def create_app"""


def test_a_smoke_request_to_a_stream_is_judged_by_how_it_begins():
    smoke = f'smoke=(Smoke("GET", "/numbers/{FOR_EVER}"),)'
    with running_host({"one": source("new").replace('smoke=(Smoke("GET", "/word"),)', smoke)}) as host:
        assert (200, "new") == host.get("one", "/word")


def test_a_smoke_request_whose_answer_never_ends_is_refused_in_bounded_time():
    endless = source("new").replace('smoke=(Smoke("GET", "/word"),)', 'smoke=(Smoke("GET", "/trickle"),)')
    endless = endless.replace("def create_app", TRICKLING).replace("[word, stream]", "[word, stream, trickle]")
    with running_host({"one": source("old")}) as host:
        refused = host.deploy("one", endless)
        assert ("smoke", True) == (refused["step"], "not answered to its end within 10 s" in refused["reason"]), refused
        assert host.deploy("one", source("newer"))["ok"]


def test_a_host_that_is_asked_to_end_ends_streams_in_good_order():
    with running_host({"one": source("old")}) as host, stream(host, FOR_EVER) as open_stream:
        host.process.terminate()
        open_stream.read()  # raises IncompleteRead when it is cut
        assert 0 == host.process.wait(5)
