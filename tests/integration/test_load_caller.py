"""What a user of a load test takes for an answer, against a server that answers as it is told."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from loadtests.criteria import RESUMED, STREAM
from tests.parts.listening import listening

ROOT = Path(__file__).parents[2]
QUESTION = "are you open?"
SEARCH = {"query": QUESTION, "count": 0, "results": []}
SAID = {"success": True, "response": "Yes.", "answered": True, "conversationId": "c"}
RESUME = ("resume", {"lastEventId": "1", "retryMs": 1})
TOKEN, DONE = ("token", {"text": "Yes."}), ("done", SAID)
RESTARTED = ("status", {"state": "restarted"})


@contextmanager
def server(search: Any, plain: Any, streams: list[list[tuple[str, Any]]]) -> Iterator[str]:
    """Answers a search, a chat, and each stream with the next of `streams`, the last one over and over; its address."""
    left = list(streams)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(search if self.path == "/search" else plain).encode()
            if self.headers["Accept"] == "text/event-stream":
                told = left.pop(0) if len(left) > 1 else left[0]
                body = b"".join(f"id: 1\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode() for name, data in told)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield address


def called(search: Any = SEARCH, plain: Any = SAID, streams: list[list[tuple[str, Any]]] | None = None) -> Any:
    with server(search, plain, streams or [[TOKEN, DONE]]) as host:
        done = subprocess.run(
            [sys.executable, "-m", "tests.parts.calling", host],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    return json.loads(done.stdout)


def test_what_is_as_it_should_be_is_no_failure():
    found = called()
    assert [SEARCH, SAID, SAID] == found["answers"]
    assert {} == found["faults"]
    assert [1, 0] == found["requests"][STREAM]


def test_a_stream_that_is_taken_up_again_is_one_that_was_read_and_one_part():
    found = called(streams=[[TOKEN, RESUME], [RESTARTED, TOKEN, DONE]])
    assert SAID == found["answers"][2]
    assert ([1, 0], [1, 0]) == (found["requests"][RESUMED], found["requests"][STREAM])


def test_a_stream_that_is_to_be_taken_up_again_and_again_and_never_ends_is_cut():
    found = called(streams=[[TOKEN, RESUME]])
    assert found["answers"][2] is None
    assert [3, 1] == found["requests"][RESUMED]
    assert STREAM not in found["requests"]
    assert "cut: " in found["faults"][RESUMED]


@pytest.mark.parametrize(
    ("streams", "fault"),
    [
        ([[TOKEN]], "cut: it ended without its last event"),
        ([[TOKEN, ("done", SAID | {"degraded": "database"})]], "degraded: database"),
        ([[("token", {}), DONE]], "cut: "),
        ([[("token", ["Yes."]), DONE]], "cut: "),
    ],
)
def test_a_stream_that_is_not_what_was_promised_is_a_failure(streams, fault):
    found = called(streams=streams)
    assert [1, 1] == found["requests"][STREAM]
    assert fault in found["faults"][STREAM]


@pytest.mark.parametrize(
    ("search", "fault"),
    [
        (SEARCH | {"degraded": "embeddings"}, "degraded: embeddings"),
        (SEARCH | {"query": "another?"}, "wrong: not what was found"),
        ({}, "wrong: not the answer that was documented"),
        ([], "wrong: not the answer that was documented"),
    ],
)
def test_an_answer_that_is_not_what_was_promised_is_a_failure(search, fault):
    found = called(search)
    assert [1, 1] == found["requests"]["search"]
    assert fault in found["faults"]["search"]
