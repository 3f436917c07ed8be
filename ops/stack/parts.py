"""The parts of a stack as the supervisor sees them: each one foreground child, logged to a file of its own."""

import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any

from ops.host import control
from ops.release.journal import Journal
from ops.stack import child
from ops.stack.instance import Instance, InstanceError
from ops.stack.nginx import Nginx
from ops.stack.postgres import EmbeddedPostgres
from ops.unixhttp import ask

ROOT = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.02
ASK_TIMEOUT_S = 2.0
STATUS_TIMEOUT_S = 5.0
HUNG_S = 30.0


class PostgresPart:
    """The embedded database."""

    name = "postgres"

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the data folder when there is none, and start the server."""
        self.server.prepare()
        self.process = self.server.start()

    def wait_ready(self) -> None:
        """Wait for the first connection."""
        self.server.wait_ready(READY_TIMEOUT_S)

    def stop(self) -> None:
        """Shut down cleanly."""
        self.server.stop()


class PythonPart(ABC):
    """A part that is a module of ours, run by this interpreter with the settings in its environment."""

    def __init__(
        self,
        name: str,
        instance: Instance,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self._arguments = arguments
        self._environ = environ
        self._pass_fds = pass_fds
        self.python = sys.executable
        self._log_path = instance.logs / f"{name}.log"

    def start(self) -> None:
        """Start the module, in a session of its own so that Ctrl-C reaches the supervisor alone."""
        self.process = self.launch(self.python)

    def launch(self, python: str, *added: str, pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
        """Start the module with an interpreter, and with more arguments and descriptors."""
        with self._log_path.open("ab") as log:
            return child.start(
                [python, "-m", *self._arguments, *added],
                account=None,
                death_signal=signal.SIGTERM,
                log=log,
                environ=self._environ,
                pass_fds=(*self._pass_fds, *pass_fds),
                cwd=ROOT,
            )

    def wait_ready(self) -> None:
        """Wait until `is_ready`; raises InstanceError when the process ends first or takes too long."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self.is_ready():
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                raise InstanceError(f"{self.name} does not start; the end of {self._log_path}:\n{self.log_end()}")
            time.sleep(POLL_S)

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it serves now."""

    def stop(self) -> None:
        """End the process: politely, then by force."""
        process, self.process = self.process, None
        if process is not None:
            child.end(process, STOP_TIMEOUT_S)

    def log_end(self) -> str:
        """The last lines of its log."""
        if not self._log_path.exists():
            return ""
        return "\n".join(self._log_path.read_text(errors="replace")[-4000:].splitlines()[-12:])


class ModelServerPart(PythonPart):
    """The embedded model server."""

    def __init__(self, instance: Instance, environ: Mapping[str, str]) -> None:
        self._socket = instance.run / "model.sock"
        super().__init__("model", instance, ["ops.modelserver", "--socket", str(self._socket)], environ)

    @property
    def url(self) -> str:
        """What EDGE_OLLAMA_URL takes."""
        return f"unix:{self._socket}"

    def is_ready(self) -> bool:
        """Whether the protocol's version route answers."""
        try:
            status, _ = ask(str(self._socket), "GET", "/api/version", timeout_s=ASK_TIMEOUT_S)
        except (OSError, HTTPException):  # it may listen long before it has the time to answer
            return False
        return status == HTTPStatus.OK


class HostPart(PythonPart):
    """The function host over the instance's releases."""

    def __init__(
        self,
        instance: Instance,
        environ: Mapping[str, str],
        socket_gid: int | None,
        watch_scale: float,
        workers: Sequence[str] = (),
    ) -> None:
        self._run = instance.run
        self._journal = Journal(instance.journal)
        # Workers hold the reading end: they outlive their host, and end when this process does.
        read_fd, self._lifeline_fd = os.pipe()
        folders = {
            "releases": instance.releases,
            "journal": instance.journal,
            "run": instance.run,
            "logs": instance.logs,
        }
        options = [part for name, folder in folders.items() for part in (f"--{name}", str(folder))]
        options += ["--lifeline", str(read_fd), "--watch-scale", str(watch_scale), "--die-with-parent"]
        options += ["--has-router", "--workers", ",".join(workers)]
        if socket_gid is not None:
            options += ["--socket-gid", str(socket_gid)]
        super().__init__("host", instance, ["ops.host", *options], environ, pass_fds=(read_fd,))
        self._silent_since: float | None = None

    def is_ready(self) -> bool:
        """Whether the host answers and has decided on every function that was ever active."""
        try:
            functions = self.ask({"op": "status"})["functions"]
        except OSError:
            return False
        starting = (function["name"] for function in functions if function["state"] == "starting")
        return all(self._journal.active(name) is None for name in starting)

    def ask(self, request: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Ask on the host's control socket."""
        return control.ask(self._run, request, **options)

    def functions(self) -> list[dict[str, Any]]:
        """The state of each function as the host tells it, empty while the host does not answer."""
        try:
            functions: list[dict[str, Any]] = self.ask({"op": "status"}, timeout_s=STATUS_TIMEOUT_S)["functions"]
        except TimeoutError:
            self._silent_since = self._silent_since or time.monotonic()
            return []
        except OSError:
            functions = []
        self._silent_since = None
        return functions

    def end_if_hung(self, patience_s: float = HUNG_S) -> bool:
        """Kill a host that takes requests and has answered none for so long: its workers serve on for the next one."""
        is_hung = self._silent_since is not None and time.monotonic() - self._silent_since > patience_s
        if is_hung and self.process is not None:
            self._silent_since = None
            self.process.kill()
        return is_hung


class NginxPart:
    """nginx, configured for the functions that the host serves."""

    name = "nginx"

    def __init__(self, server: Nginx) -> None:
        self.server = server
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start nginx with the configuration that is written."""
        self.process = self.server.start()

    def wait_ready(self) -> None:
        """Wait until the written configuration answers."""
        self.server.wait_ready()

    def stop(self) -> None:
        """Let answers finish, then end."""
        self.server.stop()


def environ_of(instance: Instance, settings: Mapping[str, str]) -> dict[str, str]:
    """What a part's process sees: this environment without other settings, `settings`, and whose it is."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_")}
    return {**inherited, **settings, "CUTTING_EDGE_INSTANCE": str(instance.home), "PYTHONUNBUFFERED": "1"}
