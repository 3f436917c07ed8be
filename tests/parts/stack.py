"""The whole stack as an operator runs it: `edge up` in a folder of its own, reached through its nginx."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

EDGE = Path(sys.executable).with_name("edge")
START_TIMEOUT_S = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)


class RunningStack:
    """One `edge up`. `output` is what it has printed so far."""

    def __init__(self, home: Path, extra: Mapping[str, str], command: tuple[str, ...] = (str(EDGE), "up")) -> None:
        self.home = home
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_")}
        self.environ = {**clean, "EDGE_HOME": str(home), "EDGE_PORT": str(self.port), **extra}
        self.output = ""
        self.process = subprocess.Popen(
            command,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line

    def wait_up(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while "Stop: " not in self.output:
            assert self.process.poll() is None, f"edge up ended: {self.output}"
            assert time.monotonic() < deadline, f"edge up takes too long: {self.output}"
            time.sleep(0.05)

    def edge(self, *arguments: str, timeout_s: float = 90) -> subprocess.CompletedProcess[str]:
        """Run another `edge` command against this instance."""
        return subprocess.run(
            [EDGE, *arguments], env=self.environ, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def state(self) -> dict:
        return json.loads((self.home / "state.json").read_text())

    def pid_of(self, part: str) -> int:
        return next(row["pid"] for row in self.state()["parts"] if row["name"] == part)

    def key(self, *, shop: int | None = None) -> str:
        """A new key: of a shop, or of the operator."""
        scope = ("--operator",) if shop is None else ("--shop", str(shop))
        made = self.edge("keys", "create", *scope, "--name", "test", "--json")
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)["key"]

    def client(self, key: str | None = None, **options) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=30, **options)

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """Signal, wait for the end, and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        status = self.process.wait(60)
        self._reader.join(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


@contextlib.contextmanager
def running_stack(home: Path | None = None, **extra: str) -> Iterator[RunningStack]:
    """A stack of the caller's own; its folder goes when it was made here."""
    folder = Path(tempfile.mkdtemp(prefix="edge-")) if home is None else home
    if home is None:
        folder.chmod(0o755)  # servers that drop root's rights must get in
    stack = RunningStack(folder if home else folder / ".edge", extra)
    try:
        stack.wait_up()
        yield stack
    finally:
        stack.stop()
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """Shared by all tests: do not kill its parts. Only 127.0.0.1 is spared by the rate limit: 127.0.0.9 meets it."""
    with running_stack(EDGE_RATE_LIMIT_EXEMPT="127.0.0.1/32", EDGE_CORS_ORIGINS="https://shop.example") as running:
        yield running
