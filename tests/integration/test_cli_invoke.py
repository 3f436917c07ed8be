"""`edge invoke` and `edge logs` against functions of ours on a real host."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.commands import Following, Operated, operated

ECHO = """
import json
from litestar import Request, get, post
from litestar.response import ServerSentEvent, Response
from litestar import Litestar
from core.function import Function, Route, Smoke

FUNCTION = Function(
    name="echo",
    summary="answers what it is sent",
    routes=(Route("POST", "/echo"), Route("GET", "/status/{code}"), Route("GET", "/stream")),
    smoke=(Smoke("POST", "/echo", {"a": 1}, 201),),
)


@post("/echo")
async def echo(request: Request) -> dict:
    print("heard", flush=True)
    return {"body": await request.json(), "header": request.headers.get("x-shop"), "type": request.content_type[0]}


@get("/status/{code:int}")
async def status(code: int) -> Response[str]:
    return Response("as you wish", status_code=code, media_type="text/plain")


@get("/stream")
async def stream() -> ServerSentEvent:
    return ServerSentEvent(iter(["one", "two"]))


def create_app() -> Litestar:
    return Litestar([echo, status, stream], logging_config=None)
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Operated]:
    with operated({"echo": ECHO}) as place:
        yield place


def test_the_answer_goes_to_standard_output_and_its_status_beside_it(place: Operated):
    done = place.edge("invoke", "echo", "--data", '{"text": "é"}', "-H", "X-Shop: 7")
    assert 0 == done.returncode, done.stderr
    assert {"body": {"text": "é"}, "header": "7", "type": "application/json"} == json.loads(done.stdout)
    assert done.stderr.startswith("201 Created  ")


def test_in_json_it_is_status_headers_and_body(place: Operated):
    found = place.json("invoke", "echo", "-d", "[1]")
    assert (201, [1]) == (found["status"], found["body"]["body"])
    assert "application/json" == found["headers"]["content-type"]
    assert found["ms"] > 0


def test_the_body_may_come_from_a_file(place: Operated, tmp_path: Path):
    (tmp_path / "body.json").write_text("[2]")
    assert [2] == place.json("invoke", "echo", "-d", f"@{tmp_path}/body.json")["body"]["body"]


@pytest.mark.parametrize(("code", "status"), [(200, 0), (404, 5), (503, 6)])
def test_the_status_of_the_answer_decides_the_exit_status(place: Operated, code: int, status: int):
    done = place.edge("invoke", "echo", "--path", f"/status/{code}")
    assert (status, "as you wish") == (done.returncode, done.stdout)


def test_a_stream_is_printed_as_it_comes(place: Operated):
    assert ["one", "two"] == [
        line.removeprefix("data: ").strip()
        for line in place.edge("invoke", "echo", "-r", "GET /stream").stdout.splitlines()
        if line.startswith("data: ")
    ]


def test_on_a_terminal_the_answer_is_laid_out(place: Operated):
    shown = place.on_terminal("invoke", "echo", "-d", "[1]")
    assert "\x1b[32m201 Created" in shown
    assert len(shown.splitlines()) > 4


@pytest.mark.parametrize(
    "options",
    [
        ("-d", "{"),
        ("-d", "@/nowhere"),
        ("-H", "nonsense", "-d", "1"),
        ("-H", "X: a\nb", "-d", "1"),
        ("-r", "/none"),
        ("--path", "/a b"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_before_anything_is_sent(place: Operated, options: tuple[str, ...]):
    assert 2 == place.edge("invoke", "echo", *options).returncode


def test_the_log_of_a_function_is_raw_when_piped(place: Operated):
    place.edge("invoke", "echo", "-d", "1")
    assert "heard" in place.edge("logs", "echo").stdout.splitlines()
    assert [] == place.edge("logs", "echo", "-n", "0").stdout.splitlines()


def test_a_line_of_a_request_is_laid_out_on_a_terminal_alone(place: Operated):
    line = '{"time":"2026-11-22T21:56:39.770Z","id":"x","route":"/r","method":"GET","status":200,"ms":1.5}'
    path = place.home / "logs" / "model.log"
    path.write_text(f"{line}\n")
    assert f"{line}\n" == place.edge("logs", "model").stdout
    assert "\x1b[32m200\x1b[0m GET    /r 1.5 ms" in place.on_terminal("logs", "model")
    assert line in place.on_terminal("logs", "model", "--json")


def test_the_logs_of_nginx_are_one_in_the_order_of_their_times(place: Operated):
    folder = place.home / "logs" / "nginx"
    folder.mkdir()
    (folder / "access.json").write_text('{"time":"2026-01-02T00:00:00+00:00"}\n{"time":"2026-03-04T00:00:00+00:00"}\n')
    (folder / "error.log").write_text("2026/02/03 00:00:00 [warn] 1#0: between\n")
    lines = place.edge("logs", "nginx", "-n", "2").stdout.splitlines()
    assert ["2026/02/03", '{"time":"2026-03-04T00:00:00+00:00"}'] == [line.split(" ")[0] for line in lines]


def test_a_log_is_followed_into_the_file_after_its_rotation(place: Operated):
    path = place.home / "logs" / "postgres.log"
    path.write_text("old\nlast\n")
    with Following(place.command("logs", "postgres", "-f", "-n", "1"), place.environ) as following:
        following.wait_for("last")
        path.rename(path.with_suffix(".1"))
        path.write_text("after the rotation\n")
        following.wait_for("after the rotation")
        assert 0 == following.end(signal.SIGINT)
        assert "old" not in following.output


def test_a_log_that_is_nobodys_is_wrong_usage_and_one_that_is_not_there_a_failure(place: Operated):
    assert 2 == place.edge("logs", "nobody").returncode
    place.write("unborn")
    assert 1 == place.edge("logs", "unborn").returncode
