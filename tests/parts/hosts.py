"""A real host over functions that a test writes itself."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ops.host import control
from ops.host.smoke import UnixConnection

HELLO = """
from litestar import Litestar, get
from core.function import Function, Route, Smoke

FUNCTION = Function(
    name="{name}",
    summary="says a word",
    routes=(Route("GET", "/word"),),
    smoke=(Smoke("GET", "/word"),),
)


@get("/word")
async def word() -> str:
    return "{word}"


def create_app() -> Litestar:
    return Litestar([word], logging_config=None)
"""


class RunningHost:
    """A host process over `root/functions`, its sockets in `run`."""

    def __init__(self, root: Path, run: Path, names: list[str]) -> None:
        self.root, self.run, self.logs = root, run, run / "logs"
        self.logs.mkdir(exist_ok=True)
        command = ["-m", "ops.host", *names, "--root", root, "--run", run, "--logs", self.logs, "--die-with-parent"]
        self.output = (self.logs / "host.log").open("ab")
        self.process = subprocess.Popen([sys.executable, *map(str, command)], stdout=self.output, stderr=self.output)

    def function(self, name: str) -> dict:
        functions = control.ask(self.run, {"op": "status"})["functions"]
        return next(function for function in functions if function["name"] == name)

    def wait_for(self, name: str, state: str, timeout_s: float = 20.0) -> dict:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                found = self.function(name)
                if found["state"] == state:
                    return found
            time.sleep(0.02)
        raise AssertionError(f"{name} is not {state}: {(self.logs / 'host.log').read_text()}")

    def get(self, name: str, path: str) -> tuple[int, str]:
        connection = UnixConnection(str(self.run / f"{name}.sock"), 10.0)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@contextlib.contextmanager
def running_host(sources: dict[str, str]) -> Iterator[RunningHost]:
    """Run a host over functions given as source text by name."""
    folder = Path(tempfile.mkdtemp(prefix="host-"))
    (folder / "functions").mkdir()
    (folder / "functions" / "__init__.py").touch()
    for name, source in sources.items():
        (folder / "functions" / f"{name}.py").write_text(source)
    host = RunningHost(folder, folder, list(sources))
    try:
        yield host
    finally:
        host.process.terminate()
        host.process.wait(20)
        host.output.close()
        shutil.rmtree(folder)
