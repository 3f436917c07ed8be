"""What a load test looks at before it begins, against a real instance."""

import socketserver
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loadtests import metrics, preflight, shops
from loadtests.api import Api, Unusable
from loadtests.options import Options
from tests.parts.listening import listening
from tests.parts.stack import RunningStack


def options(stack: RunningStack, host: str | None = None, **wanted: str) -> Options:
    given = {"scenario": "ramp", "scale": "1", "key": "", "shop": "1", "questions": "", **wanted}
    return Options.of(host or stack.address, Namespace(**given))


def refusal(given: Options) -> str:
    with pytest.raises(Unusable) as refused:
        preflight.check(given)
    return str(refused.value)


def test_an_instance_that_is_well_is_let_pass(stack: RunningStack):
    preflight.check(options(stack))
    preflight.check(options(stack, scenario="writes", key=stack.key()))


@contextmanager
def another_server(status: int, body: bytes) -> Iterator[str]:
    """Something that answers everything alike; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_):
            pass

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield address


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>", "is no Cutting Edge (status 200)"),
        (200, b'{"service": "another"}', "is no Cutting Edge"),
        (200, b'{"service": "cutting-edge"}', "a search at http"),
        (429, b"{}", "EDGE_RATE_LIMIT_EXEMPT"),
        (503, b'{"service": "cutting-edge", "status": "down", "checks": {"database": "down"}}', '"database": "down"'),
    ],
)
def test_what_is_no_instance_or_not_well_is_said(stack: RunningStack, status: int, body: bytes, said: str):
    with another_server(status, body) as host:
        assert said in refusal(options(stack, host))


@contextmanager
def nonsense(told: bytes) -> Iterator[str]:
    """Something that says this to whoever connects, and hangs up."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.rfile.readline()
            self.wfile.write(told)

    with listening(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as address:
        yield address


@pytest.mark.parametrize("told", [b"what?\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b""])
def test_what_speaks_no_http_is_said_and_is_no_figure(stack: RunningStack, told: bytes):
    with nonsense(told) as host:
        assert "no Cutting Edge answers at" in refusal(options(stack, host))
        assert metrics.read(host, "search") is None


def test_nobody_there_is_said(stack: RunningStack):
    assert "no Cutting Edge answers at http://127.0.0.1:1 " in refusal(options(stack, "http://127.0.0.1:1"))


def test_a_key_is_asked_for_where_it_is_needed_and_must_be_an_operators(stack: RunningStack):
    for scenario in ("writes", "shops"):
        assert "edge keys create --operator" in refusal(options(stack, scenario=scenario))
        for key in ("edge_wrong", stack.key(shop=1)):
            assert "the key is not an operator's" in refusal(options(stack, scenario=scenario, key=key))


def test_deploys_need_the_instances_own_folder(stack: RunningStack, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("EDGE_HOME", str(tmp_path / "nothing"))
    assert "with the instance's EDGE_HOME" in refusal(options(stack, scenario="deploys"))
    monkeypatch.setenv("EDGE_HOME", str(stack.home))
    monkeypatch.setenv("EDGE_PORT", str(stack.port))
    preflight.check(options(stack, scenario="deploys"))


def test_a_shop_that_knows_nothing_is_named(stack: RunningStack):
    assert "shop 4711 knows nothing" in refusal(options(stack, shop="4711"))
    preflight.check(options(stack, scenario="writes", key=stack.key(), shop="4711"))  # which has shops of its own


def test_a_questions_file_without_a_question_is_named(stack: RunningStack, tmp_path: Path):
    (tmp_path / "said.jsonl").write_text('{"text": "Thanks."}')
    assert "said.jsonl" in refusal(options(stack, questions=str(tmp_path / "said.jsonl")))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(Unusable, match="--report"):
        preflight.prepare(tmp_path / "file" / "report")


def test_shops_are_seeded_anew_and_cleared(stack: RunningStack):
    api = Api(stack.address, stack.key())
    some = shops.SHOPPERS[:2]
    for _ in range(2):
        shops.seed(api, some)
    for shop in some:
        page = api.demand("GET", f"{shops.PASSAGES}?shopId={shop}&limit=100")
        assert sorted(shops.contents(shop)) == sorted(row["content"] for row in page["passages"])
    shops.clear(api, some)
    assert [0, 0] == [api.demand("GET", f"{shops.PASSAGES}?shopId={shop}")["total"] for shop in some]
