"""Parts that are slow to serve, or do not speak as they should."""

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.stack import parts
from ops.stack.instance import Instance
from ops.stack.parts import HostPart, ModelServerPart


@pytest.fixture
def part(tmp_path: Path) -> ModelServerPart:
    instance = Instance(tmp_path)
    instance.prepare(None)
    return ModelServerPart(instance, {})


@contextlib.contextmanager
def listening(path: Path, answer: bytes | None) -> Iterator[None]:
    """A server that gives every request this answer and hangs up; with None it never answers."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        if answer is not None:
            threading.Thread(target=give, args=(server, answer), daemon=True).start()
        yield


def give(server: socket.socket, answer: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


def test_a_model_server_that_does_not_listen_yet_is_not_ready(part: ModelServerPart):
    assert not part.is_ready()


@pytest.mark.parametrize(
    "answer",
    [None, b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"HTTP/1.1 503 Busy\r\n\r\n"],
    ids=["silence", "hanging up", "no HTTP", "half an answer", "busy"],
)
def test_a_model_server_that_listens_and_does_not_answer_is_not_ready(part: ModelServerPart, answer: bytes | None):
    with listening(Path(part.url.removeprefix("unix:")), answer):
        assert not part.is_ready()


def test_a_model_server_that_answers_is_ready(part: ModelServerPart):
    with listening(Path(part.url.removeprefix("unix:")), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"):
        assert part.is_ready()


def test_a_host_that_hangs_is_ended_and_one_that_answers_or_is_away_is_not(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(parts, "STATUS_TIMEOUT_S", 0.3)
    instance = Instance(tmp_path)
    instance.prepare(None)
    host = HostPart(instance, parts.environ_of(instance, {}), None, 1.0)
    host.start()
    assert host.process is not None
    try:
        assert [] == host.functions()  # it may not listen yet
        assert not host.end_if_hung(patience_s=0)
        monkeypatch.setattr(parts, "STATUS_TIMEOUT_S", 10.0)
        host.wait_ready()
        assert [] == host.functions()
        assert not host.end_if_hung(patience_s=0)
        host.process.send_signal(signal.SIGSTOP)
        monkeypatch.setattr(parts, "STATUS_TIMEOUT_S", 0.3)
        assert [] == host.functions()
        assert not host.end_if_hung(patience_s=30)
        assert host.end_if_hung(patience_s=0)
        assert -signal.SIGKILL == host.process.wait(10)
    finally:
        host.process.kill()
        host.process.wait()
