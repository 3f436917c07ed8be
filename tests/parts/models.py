"""The embedded model server as a process: one for the session, and one of a test's own where it is to be killed."""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ops.lifeline import command_of

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 60


class ModelServer:
    """A model server on a Unix socket; `url` is what EDGE_OLLAMA_URL takes."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "model.sock"
        self.url = f"unix:{self.socket}"
        self.log = folder / "model.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it answers."""
        program = [sys.executable, "-m", "ops.modelserver", "--socket", self.socket]
        command = command_of(program, account=None, death_signal=signal.SIGTERM, cwd=ROOT)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            assert self.process.poll() is None, f"the model server ended: {self.log.read_text()}"
            assert time.monotonic() < deadline, f"the model server does not answer: {self.log.read_text()}"
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether it listens, which it only does with its model loaded."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def kill(self) -> None:
        """SIGKILL, as a crash: the socket's file stays behind."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=20)


def http_client(url: str, timeout_s: float = 60) -> httpx.Client:
    """Plain HTTP to a model server (`http://…` or `unix:/…`), for what the official client hides."""
    options = {"timeout": timeout_s, "trust_env": False}
    if url.startswith("unix:"):
        transport = httpx.HTTPTransport(uds=url.removeprefix("unix:"))
        return httpx.Client(transport=transport, base_url="http://model", **options)
    return httpx.Client(base_url=url, **options)


@contextlib.contextmanager
def running_model_server() -> Iterator[ModelServer]:
    """A model server of the caller's own, in a folder with a short name."""
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    server = ModelServer(folder)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    """Shared by all tests: embed with it, do not stop it."""
    with running_model_server() as server:
        yield server


@pytest.fixture
def own_model_server() -> Iterator[ModelServer]:
    """For the tests that stop, kill and start it again."""
    with running_model_server() as server:
        yield server
