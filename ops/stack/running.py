"""The whole product as an operator runs it, to be measured: `edge up` in a folder of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from core.settings import Settings
from ops.stack.folders import Folders
from ops.stack.listener import free_port
from ops.stack.parts import ROOT

EDGE = Path(sys.executable).with_name("edge")
START_TIMEOUT_S = 240.0  # a busy machine
STOP_TIMEOUT_S = 60.0
POLL_S = 0.002  # how long it takes to start is measured


class NotUp(Exception):  # noqa: N818 - what the stack is
    """It did not start; with the end of what it said."""


class Running:
    """One `edge up` over the functions of this tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folders = Folders(folder / "home")
        self.settings = Settings(home=self.folders.home, port=free_port())
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_")}
        self.environ = {**inherited, **self.settings.to_environ()}
        self._log = folder / "up.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it says that it serves; raises NotUp."""
        with self._log.open("wb") as log:
            self._process = process = subprocess.Popen(
                [EDGE, "up", "--with-parent"],
                cwd=ROOT, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.folders.told() is None:
            if process.poll() is not None:
                raise NotUp(f"edge up ended: {self._said()}")
            if time.monotonic() > deadline:
                raise NotUp(f"edge up does not serve after {START_TIMEOUT_S:g} s: {self._said()}")
            time.sleep(POLL_S)

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """End all of it."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT_S)

    def pids(self) -> dict[str, list[int]]:
        """The processes of each part and of each function (`functions/NAME`), as the stack tells them."""
        told = json.loads(self.folders.state.read_bytes())
        return {row["name"]: row.get("workers") or [row["pid"]] for row in told["parts"]}

    def edge(self, *arguments: str) -> dict[str, Any]:
        """What another command says in JSON; raises RuntimeError when it fails."""
        done = subprocess.run(
            [EDGE, *arguments, "--json"], env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"edge {' '.join(arguments)}: {done.stderr or done.stdout}")
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    @property
    def model_socket(self) -> Path:
        """Where the model server listens."""
        return self.folders.run / "model.sock"


@contextmanager
def running() -> Iterator[Running]:
    """A stack that serves, gone afterwards."""
    with home() as made:
        made.start()
        yield made


@contextmanager
def home() -> Iterator[Running]:
    """A stack that was never started, in a temporary folder; both gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="edge-running-", dir="/tmp"))
    folder.chmod(0o711)  # servers that drop root's rights must get in
    made = Running(folder)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
