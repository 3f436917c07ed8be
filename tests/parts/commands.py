"""`edge` commands as their own processes, against a real host in a folder laid out as EDGE_HOME."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from tests.parts.hosts import HELLO, RunningHost, running_host
from tests.parts.stack import EDGE

TIMEOUT_S = 60.0


class Operated:
    """A host, a source tree, and `edge` commands against both."""

    def __init__(self, host: RunningHost, tree: Path | None = None) -> None:
        self.host = host
        self.tree = tree or host.tree
        self.home = host.run  # sockets lie in the home itself: `run` leads back to it
        if not (self.home / "run").exists():
            (self.home / "run").symlink_to(self.home)
        self.environ = environ_of(self.home)

    def edge(self, verb: str, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this tree and this home; its output is piped, so that it is plain."""
        return run_edge(self.command(verb, *arguments), {**self.environ, **extra})

    def json(self, verb: str, *arguments: str):
        """What a command prints with --json, whatever its exit status."""
        done = self.edge(verb, "--json", *arguments)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def command(self, verb: str, *arguments: str) -> list[str]:
        return [str(EDGE), verb, "--root", str(self.tree), *arguments]

    def write(self, name: str, word: str = "hello") -> str:
        """Put a function that says a word into the tree, not deployed; returns its source."""
        source = HELLO.format(name=name, word=word)
        (self.tree / "functions" / f"{name}.py").write_text(source)
        return source

    def on_terminal(self, verb: str, *arguments: str) -> str:
        """What a person sees: the command's output on a terminal of its own, colours and all."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(self.command(verb, *arguments), env=self.environ, stdout=theirs, stderr=theirs)
        os.close(theirs)
        try:
            return _read_all(ours)
        finally:
            os.close(ours)
            process.wait(TIMEOUT_S)


def environ_of(home: Path) -> dict[str, str]:
    """The environment of a command: no other settings than the home."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("EDGE_", "NO_COLOR"))}
    return {**clean, "EDGE_HOME": str(home), "TERM": "xterm-256color", "COLUMNS": "100"}


def run_edge(command: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


@contextlib.contextmanager
def operated(sources: dict[str, str] | None = None) -> Iterator[Operated]:
    """A host of the caller's own, with functions given as source text by name."""
    with running_host(sources) as host:
        yield Operated(host)


class Following:
    """A command that goes on until it is ended; leaving the block ends it. `output` is what it has printed so far."""

    def __init__(self, command: list[str], environ: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self._bytes = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGTERM)

    @property
    def output(self) -> str:
        assert self.process.stdout is not None
        if not self.process.stdout.closed:
            self._bytes += self.process.stdout.read() or b""
        return self._bytes.decode()

    def wait_for(self, text: str, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while text not in self.output:
            assert self.process.poll() is None, f"it ended: {self.output}"
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.output}"
            assert self.process.stdout is not None
            select.select([self.process.stdout], [], [], 0.1)

    def end(self, signum: signal.Signals) -> int:
        """Signal, wait for the end, and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        status = self.process.wait(TIMEOUT_S)
        _ = self.output
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


def _read_all(descriptor: int) -> str:
    found = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while chunk := os.read(descriptor, 65536):
            found += chunk
    return found.decode()
