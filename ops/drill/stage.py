"""The scratch instance of a drill: the product's own PostgreSQL, host and nginx over functions of the drill's."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from core.settings import Settings
from ops.drill import ledger
from ops.drill.releases import FUNCTIONS, Fault, source
from ops.host import records
from ops.stack import database
from ops.stack.desk import Desk
from ops.stack.instance import Instance
from ops.stack.listener import free_port
from ops.stack.nginx import Nginx
from ops.stack.parts import ROOT, HostPart, NginxPart, PostgresPart, environ_of
from ops.stack.postgres import EmbeddedPostgres
from ops.stack.supervisor import Supervisor
from ops.stack.upgrade import Upgrades

TICK_S = 0.02
COMMAND_TIMEOUT_S = 120.0
EDGE = Path(sys.executable).with_name("edge")


class StageError(Exception):
    """The drill itself cannot go on; says nothing about the product's promise."""


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """What a command made of a deploy; `started_at` in CLOCK_MONOTONIC, before its process was started."""

    started_at: float
    ok: bool
    release: str
    step: str | None = None
    reason: str | None = None


class Stage:
    """An instance in a folder of its own. `spared` are the drill's own child processes."""

    def __init__(self, folder: Path, watch_scale: float, say: Callable[[str], None]) -> None:
        self.tree = folder / "tree"
        self.instance = Instance(folder / "home")
        self.spared: set[int] = set()
        self.settings = Settings(home=self.instance.home, port=free_port(), watch_scale=watch_scale)
        self.supervisor = Supervisor(say, lambda: self.spared | self._workers())
        self.ids: dict[str, str] = {}
        self.host: HostPart
        self._desk: Desk | None = None
        self._environ: dict[str, str] = {}

    def start(self) -> None:
        """Bring everything up, with a first release of each function."""
        self._write_tree()
        postgres = EmbeddedPostgres(self.instance.postgres, self._prepared_run() / "postgres")
        self.supervisor.add(PostgresPart(postgres))
        self.settings = msgspec.structs.replace(
            self.settings, database_url=postgres.owner_dsn, database_app_url=postgres.app_dsn
        )
        database.bring_up_to_date(self.settings)
        ledger.create(postgres.owner_dsn)
        nginx = Nginx(self.settings, self.instance.run, self.instance.logs / "nginx")
        self._environ = environ_of(self.instance, self.settings.to_environ())
        group = nginx.account.gid if nginx.account else None
        self.host = HostPart(self.instance, self._environ, group, self.settings.watch_scale)
        self.supervisor.add(self.host)
        self._desk = Desk(self.instance.run, Upgrades(self.host, self.supervisor), dict)
        for name in FUNCTIONS:
            first = self.deploy(name, f"{name}-0")
            if not first.ok:
                raise StageError(f"{name}: {first.step}: {first.reason}")
        nginx.configure(function["manifest"] for function in self.host.functions())
        self.supervisor.add(NginxPart(nginx))

    def deploy(self, name: str, label: str, fault: Fault = Fault()) -> Deployed:  # noqa: B008 - frozen
        """Edit the function and run `edge deploy`; what it serves from now on answers with `label`."""
        (self.tree / "functions" / f"{name}.py").write_text(source(name, label, fault))
        deployed = self._edge("deploy", name, "--root", str(self.tree))
        self.ids[deployed.release] = label
        return deployed

    def roll_back(self, name: str, release: str) -> Deployed:
        """Run `edge rollback`."""
        return self._edge("rollback", name, release, "--root", str(self.tree))

    def releases(self) -> set[Path]:
        """The folders of all releases that there are, finished or not."""
        return set(self.instance.releases.glob("*/*"))

    def upgrade(self) -> str | None:
        """Run `edge host upgrade`; why it failed, None when it did not."""
        found = self._json("host", "upgrade")
        return None if found["ok"] else f"{found['step']}: {found['reason']}"

    def function(self, name: str) -> dict[str, Any]:
        """The function's state as the host tells it."""
        return next(function for function in self.host.functions() if function["name"] == name)

    def wait_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Tend the parts until the condition holds; False when it does not in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            if self._desk is not None:
                self._desk.tick()
            self.supervisor.tick()
            time.sleep(TICK_S)
        return True

    def stop(self) -> None:
        """End every part."""
        if self._desk is not None:
            self._desk.close()
        self.supervisor.stop()
        self.instance.close()

    def _edge(self, *arguments: str) -> Deployed:
        start = time.monotonic()
        found = self._json(*arguments)
        rollout = (found["failed"] or found["deployed"][0]) if "deployed" in found else found
        return Deployed(
            started_at=start,
            ok=rollout["ok"],
            release=rollout["release"],
            step=rollout["step"],
            reason=rollout["reason"],
        )

    def _json(self, *arguments: str) -> dict[str, Any]:
        """Run a command as an operator would, and tend the parts meanwhile; raises StageError."""
        with subprocess.Popen(
            [EDGE, *arguments, "--json"], env=self._environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as command:
            self.spared.add(command.pid)
            in_time = self.wait_until(lambda: command.poll() is not None, COMMAND_TIMEOUT_S)
            if not in_time:
                command.kill()
            output, errors = command.communicate()
        try:
            found: dict[str, Any] = json.loads(output)
        except ValueError as error:
            raise StageError(f"edge {' '.join(arguments)} said {errors or output!r}, {command.returncode}") from error
        return found

    def _prepared_run(self) -> Path:
        from ops.stack.child import account_for

        self.instance.prepare(account_for(self.instance.postgres / "data"))
        self.instance.lock()
        return self.instance.run

    def _write_tree(self) -> None:
        (self.tree / "functions").mkdir(parents=True)
        (self.tree / "functions" / "__init__.py").touch()
        # A copy: the drill goes on for minutes, in which somebody may be working on the real one.
        shutil.copytree(ROOT / "core", self.tree / "core", ignore=shutil.ignore_patterns("__pycache__"))

    def _workers(self) -> set[int]:
        return {record.pid for record in records.living(self.instance.run / "workers")}


@contextmanager
def staged(watch_scale: float, say: Callable[[str], None]) -> Iterator[Stage]:
    """A stage in a temporary folder, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="edge-drill-"))
    folder.chmod(0o711)  # servers that drop root's rights must get in
    stage = Stage(folder, watch_scale, say)
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()
        shutil.rmtree(folder, ignore_errors=True)
