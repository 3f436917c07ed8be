"""The application behind the server that runs it: what an ASGI client cannot send."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
GRANIAN = Path(sys.executable).with_name("granian")
OPTIONS = ("--interface", "asgi", "--loop", "uvloop", "--http", "1", "--no-ws", "--runtime-mode", "st", "--factory")
START_TIMEOUT_S = 60


class Server:
    def __init__(self, folder: Path) -> None:
        self.socket = folder / "echo.sock"
        self.log = folder / "echo.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [GRANIAN, *OPTIONS, "--uds", self.socket, "tests.parts.echo:create_app"],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            return bool(self.send(b"GET /metrics/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        except OSError:
            return False

    def send(self, request: bytes, *, then_shut: bool = False) -> bytes:
        """Send bytes, and read until the server closes the connection."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(self.socket))
            client.sendall(request)
            if then_shut:
                client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def request(self, target: bytes, *headers: bytes, method: bytes = b"GET", body: bytes = b"") -> tuple[int, bytes]:
        lines = [b"%s %s HTTP/1.1" % (method, target), b"Host: x", b"Connection: close", *headers]
        if body:
            lines += [b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
        answer = self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        head, _, content = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), content

    def stop(self) -> None:
        # Granian's workers outlive a killed master: the whole session goes.
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server():
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    server = Server(folder)
    try:
        server.wait()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.mark.parametrize("target", [b"/api/%ff", b"/api/%00", b"/api/%ed%a0%80", b"/api/echo?%00=1", b"/api?a=%ff"])
async def test_percent_encoded_bytes_that_are_no_text_are_400(server, target):
    status, body = server.request(target)
    assert (400, "invalid-request") == (status, json.loads(body)["type"].rpartition(":")[2])


@pytest.mark.parametrize("target", [b"/api/%c3%a9", b"/api/%20x", b"/api/%", b"/api/%zz", b"//", b"/api/../x", b"/*"])
async def test_odd_paths_are_404(server, target):
    assert 404 == server.request(target)[0]


@pytest.mark.parametrize("target", [b"/api/\xff", b"/api/echo?q=\xff", b"nothing", b"*"])
async def test_bytes_that_http_does_not_know_are_no_server_error(server, target):
    assert 400 <= server.request(target)[0] < 500


@pytest.mark.parametrize("header", [b"Authorization", b"Idempotency-Key", b"X-Request-Id", b"User-Agent", b"Cookie"])
async def test_bytes_in_headers_are_no_server_error(server, header):
    status, body = server.request(b"/api/echo", header + b": \xff\xfe\x80", method=b"POST", body=b'{"text": "x"}')
    assert (200, "x") == (status, json.loads(body)["text"])


async def test_a_body_that_ends_early_is_400(server):
    head = b"POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    answer = server.send(head + b'{"text"', then_shut=True)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer


async def test_requests_at_the_same_time_keep_their_own_ids(server):
    transport = httpx.AsyncHTTPTransport(uds=str(server.socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://echo") as client:
        ids = [f"request-{number:04}" for number in range(64)]
        responses = await asyncio.gather(
            *(client.post("/api/echo", json={"text": "measured"}, headers={"x-request-id": name}) for name in ids)
        )
    assert ids == [response.headers["x-request-id"] for response in responses]
    assert ids == [response.json()["requestId"] for response in responses]


async def test_the_requests_of_a_worker_are_lines_of_its_output(server):
    server.request(b"/nowhere", b"X-Request-Id: from-the-test")
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    assert {"route": "unmatched", "status": 404}.items() <= lines[-1].items()
    assert "from-the-test" == lines[-1]["id"]
