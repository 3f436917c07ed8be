"""A real host over functions that a test writes itself."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from ops.host import control
from ops.release.journal import Journal
from ops.release.snapshot import snapshot
from ops.release.store import Store
from ops.unixhttp import UnixConnection

ROOT = Path(__file__).parents[2]
HELLO = """
from litestar import Litestar, get
from core.function import Function, Route, Smoke

FUNCTION = Function(
    name="{name}",
    summary="says a word",
    routes=(Route("GET", "/{name}/word"),),
    smoke=(Smoke("GET", "/word"),),
)


@get(["/word", "/{name}/word"])
async def word() -> str:
    return "{word}"


def create_app() -> Litestar:
    return Litestar([word], logging_config=None)
"""


class RunningHost:
    """A host process; `tree` holds the functions' sources as a developer edits them, sockets are in `run`."""

    # What starts the host; a test may put its own in place.
    program: tuple[str, ...] = ("-m", "ops.host")

    def __init__(self, folder: Path, *options: str, pass_fds: tuple[int, ...] = ()) -> None:
        self.tree, self.run, self.logs = folder / "tree", folder, folder / "logs"
        self.store, self.journal = Store(folder / "releases"), Journal(folder / "journal")
        (self.tree / "functions").mkdir(parents=True)
        (self.tree / "functions" / "__init__.py").touch()
        (self.tree / "core").symlink_to(ROOT / "core")
        self.logs.mkdir()
        self._options = options
        self._pass_fds = pass_fds
        # By it the processes of this host are found.
        self.environ = {**os.environ, "CUTTING_EDGE_TEST": folder.name}
        self.start()

    def start(self) -> None:
        """Start the process and wait until it answers."""
        folders = {"releases": self.store.folder, "journal": self.run / "journal", "run": self.run, "logs": self.logs}
        command = [sys.executable, *self.program, "--die-with-parent", *self._options]
        command += [part for name, path in folders.items() for part in (f"--{name}", str(path))]
        with (self.logs / "host.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=ROOT, env=self.environ, pass_fds=self._pass_fds
            )
        self.wait_until(self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(control.ask(self.run, {"op": "status"}))
        return False

    def wait_until(self, condition, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"it did not come true; the log: {self.log()}"
            time.sleep(0.02)

    def log(self) -> str:
        return (self.logs / "host.log").read_text()

    def write(self, name: str, source: str) -> str:
        """Put a function into the tree and release it; returns the release's id."""
        (self.tree / "functions" / f"{name}.py").write_text(source)
        return snapshot(self.tree, name, self.store).id

    def deploy(self, name: str, source: str) -> dict:
        """Write, release and deploy; returns what the host answered."""
        request = {"op": "deploy", "name": name, "release": self.write(name, source), "by": "test"}
        return control.ask(self.run, request, timeout_s=60)

    def family(self) -> set[int]:
        """All processes that this host, or one before it, started, itself included."""
        mark, found = f"CUTTING_EDGE_TEST={self.run.name}\0".encode(), set()
        for pid in psutil.pids():
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{pid}/environ").read_bytes():
                    found.add(pid)
        return found

    def function(self, name: str) -> dict:
        functions = control.ask(self.run, {"op": "status"})["functions"]
        return next(function for function in functions if function["name"] == name)

    def get(self, name: str, path: str) -> tuple[int, str]:
        connection = UnixConnection(str(self.run / f"{name}.sock"), 60.0)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@contextlib.contextmanager
def running_host(
    sources: dict[str, str] | None = None, *options: str, lifeline: bool = False, disk: Path | None = None
) -> Iterator[RunningHost]:
    """Run a host and deploy functions given as source text by name; with a lifeline workers outlive their host.

    Its folder is in `disk`, without one where temporary files are.
    """
    folder = Path(tempfile.mkdtemp(prefix="host-", dir=disk))
    ends = os.pipe() if lifeline else ()
    lifeline_options = ("--lifeline", str(ends[0])) if lifeline else ()
    host = RunningHost(folder, *options, *lifeline_options, pass_fds=tuple(ends[:1]))
    try:
        for name, source in (sources or {}).items():
            answer = host.deploy(name, source)
            assert answer.get("ok"), answer
        yield host
    finally:
        host.process.terminate()
        host.process.wait(30)
        for end in ends:
            os.close(end)
        shutil.rmtree(folder)
