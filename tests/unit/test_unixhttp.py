"""HTTP over a Unix socket: what was answered is read, whenever it was."""

import socket
import tempfile
import threading
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

from ops.unixhttp import ask

REFUSED = b"HTTP/1.1 401 -\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"


@pytest.fixture
def path() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="edge-", dir="/tmp") as folder:
        yield str(Path(folder) / "s")


def answering(path: str, answer: bytes) -> threading.Thread:
    """A server that answers one request by its head, and closes with the body unread."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            connection.recv(1)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_who_is_refused_before_the_whole_body_was_read_is_told_so(path):
    server = answering(path, REFUSED)
    assert ask(path, "PUT", "/", body="x" * 10_000_000, timeout_s=10) == (401, b"no")
    server.join()


def test_who_is_left_without_an_answer_is_told_so_too(path):
    server = answering(path, b"")
    with pytest.raises((HTTPException, OSError)):
        ask(path, "PUT", "/", body="x" * 10_000_000, timeout_s=10)
    server.join()
