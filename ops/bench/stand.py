"""What the host is measured on: our host and nginx over empty functions, and its rivals behind the same nginx."""

import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from string import Template
from typing import Any

from core.settings import Settings
from ops.bench.rivals import FASTAPI, Rival, module_of, start
from ops.release.snapshot import snapshot
from ops.release.store import Store
from ops.stack import child
from ops.stack.instance import Instance
from ops.stack.listener import free_port
from ops.stack.nginx import Nginx
from ops.stack.parts import ROOT, HostPart, NginxPart, environ_of
from ops.stack.supervisor import Supervisor
from ops.unixhttp import UnixConnection

EDGE = Path(sys.executable).with_name("edge")
TIMEOUT_S = 120.0
POLL_S = 0.002
OK = 200
EMPTY = Template('''"""Answers at once."""

import msgspec
from litestar import post
from litestar.params import JSONBody
from litestar.response.base import ASGIResponse

from core.app import EdgeApp, make_app
from core.function import Function, Route, Smoke

PATH = "/bench/$name"
FUNCTION = Function(
    name="$name",
    summary="Answer at once",
    routes=(Route("POST", PATH),),
    smoke=(Smoke("POST", PATH, {"query": "a"}),),
    concurrency=1024,
)


class Asked(msgspec.Struct):
    """What is asked."""

    query: str


@post(PATH, status_code=200)
async def empty(data: JSONBody[Asked]) -> ASGIResponse:
    """Answer at once."""
    return ASGIResponse(body=b'{"label":"$label"}')


def create_app() -> EdgeApp:
    """The function's application."""
    return make_app(FUNCTION, [empty])
''')
BODY = '{"query": "how much is a beard trim?"}'


class Stand:
    """An instance in a folder of its own: host and nginx, no database and no model."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "tree"
        self.rivals = folder / "rivals"
        self.instance = Instance(folder / "home")
        self.settings = Settings(home=self.instance.home, port=free_port())
        self.supervisor = Supervisor(lambda _: None, set)
        plant(self.tree)
        plant(self.rivals)
        self.instance.prepare(None if os.geteuid() else child.account_for(folder / "nobody", ("nobody",)))
        self.instance.lock()
        self._environ = environ_of(self.instance, self.settings.to_environ())
        self._nginx = Nginx(self.settings, self.instance.run, self.instance.logs / "nginx")
        self.group = self._nginx.account.gid if self._nginx.account else None
        self.host = HostPart(self.instance, self._environ, self.group, 1.0)

    def write(self, name: str, label: str) -> None:
        """Put an empty function into the tree; it answers with `label`."""
        (self.tree / "functions" / f"{name}.py").write_text(EMPTY.substitute(name=name, label=label))

    def start_host(self, names: Sequence[str]) -> None:
        """Start the host and deploy each function."""
        self.supervisor.add(self.host)
        self.deploy(names)

    def deploy(self, names: Sequence[str], label: str = "0") -> None:
        """Deploy these functions, new or not, by the host's own protocol; they answer with `label`."""
        store = Store(self.instance.releases)
        for name in names:
            self.write(name, label)
            release = snapshot(self.tree, name, store).id
            request = {"op": "deploy", "name": name, "release": release, "by": "bench"}
            answer = self.host.ask(request, timeout_s=TIMEOUT_S)
            if not answer.get("ok"):
                raise RuntimeError(f"{name}: {answer}")

    def start_nginx(self, others: Sequence[str] = ()) -> None:
        """Start nginx before all functions of the host, and before `others`, whose sockets are somebody else's."""
        manifests = [function["manifest"] for function in self.host.functions()]
        template = manifests[0]
        manifests += [{**template, "name": name, "routes": [{"method": "POST", "path": path(name)}]} for name in others]
        self._nginx.configure(manifests)
        self.supervisor.add(NginxPart(self._nginx))

    def edge(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start an `edge` command on this tree and this instance."""
        command = [str(EDGE), arguments[0], "--root", str(self.tree), *arguments[1:]]
        return subprocess.Popen(command, env=self._environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def socket(self, name: str) -> Path:
        """Where nginx looks for a function."""
        return self.instance.run / f"{name}.sock"

    def rival(self, rival: Rival, label: str = "0", number: int = 0) -> subprocess.Popen[bytes]:
        """Start a stock server over an application that does the same, on a socket where nginx looks for it."""
        name = module_of(rival, number)
        self.write_rival(rival, label, number)
        self.socket(name).unlink(missing_ok=True)
        process = start(rival, name, self.rivals, self.socket(name), self._environ, self.instance.logs / f"{name}.log")
        wait_until(lambda: process.poll() is not None or answers(self.socket(name), name, label))
        if process.poll() is not None:
            raise RuntimeError(f"{rival.words}: {(self.instance.logs / f'{name}.log').read_text()[-2000:]}")
        os.chown(self.socket(name), -1, -1 if self.group is None else self.group)
        self.socket(name).chmod(0o660)
        return process

    def write_rival(self, rival: Rival, label: str, number: int = 0) -> None:
        """Put the application of a rival into the rivals' tree; it answers with `label`."""
        name = module_of(rival, number)
        (self.rivals / "functions" / f"{name}.py").write_text(
            EMPTY.substitute(name=name, label=label)
            if rival.framework == "litestar"
            else FASTAPI.substitute(path=path(name), label=label)
        )

    def state(self, name: str) -> dict[str, Any]:
        """The function's state as the host tells it."""
        return next(function for function in self.host.functions() if function["name"] == name)

    def stop(self) -> None:
        """End every part."""
        self.supervisor.stop()
        self.instance.close()


def plant(tree: Path) -> None:
    """Make a tree without functions, with a copy of core: the real one may be edited meanwhile."""
    (tree / "functions").mkdir(parents=True)
    (tree / "functions" / "__init__.py").touch()
    shutil.copytree(ROOT / "core", tree / "core", ignore=shutil.ignore_patterns("__pycache__"))


def path(name: str) -> str:
    """The route of a function."""
    return f"/bench/{name}"


def answers(socket: Path, name: str, label: str | None = None) -> bool:
    """Whether the function answers there, with that label where one is given."""
    connection = UnixConnection(str(socket), 5.0)
    try:
        connection.request("POST", path(name), BODY, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
    except OSError:
        return False
    else:
        return answer.status == OK and (label is None or f'"{label}"'.encode() in body)
    finally:
        connection.close()


def asked(settings: Settings, where: str, body: str) -> tuple[int, bytes]:
    """Status and body of one POST through nginx, over a connection of its own."""
    with closing(http.client.HTTPConnection(settings.host, settings.port, timeout=10)) as connection:
        connection.request("POST", where, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def wait_until(condition: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
    """Poll; raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:g} s")
        time.sleep(POLL_S)


def end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask to end, and wait."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(TIMEOUT_S)


@contextmanager
def stand() -> Iterator[Stand]:
    """A stand in a temporary folder, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="edge-bench-", dir="/tmp"))
    folder.chmod(0o711)  # nginx's workers must get in
    made = Stand(folder)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
