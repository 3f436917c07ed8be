"""The stack of one instance: which parts it has, in which order they start, and what is done between."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import msgspec
import psutil

from core.settings import Settings
from ops.host import records
from ops.release.journal import Journal
from ops.release.store import Store
from ops.slo import LevelsError, load
from ops.stack import child, database, opening, preflight, sweep, tls
from ops.stack.chores import Chore
from ops.stack.desk import Desk
from ops.stack.ending import Ending
from ops.stack.instance import Instance, InstanceError
from ops.stack.listener import address_of, require_free_ports
from ops.stack.logs import bound
from ops.stack.nginx import Nginx
from ops.stack.parts import HUNG_S, ROOT, HostPart, ModelServerPart, NginxPart, PostgresPart, environ_of
from ops.stack.postgres import EmbeddedPostgres
from ops.stack.routing import Routing
from ops.stack.supervisor import Supervisor
from ops.stack.upgrade import Upgrades

Say = Callable[[str], None]
DEPLOY_TIMEOUT_S = 60.0
UPKEEP_S = 300.0
MODEL_PATIENCE_S = 30.0


class Stack:
    """Everything that `edge up` runs for one EDGE_HOME."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self.settings = settings
        self.instance = Instance(settings.home)
        self.supervisor = Supervisor(say, self._spared)
        self._say = say
        self._host: HostPart | None = None
        self._nginx: Nginx | None = None
        self._upkeep: Chore | None = None
        self._desk: Desk | None = None
        self._ending: Ending | None = None
        self._troubles: list[str] = []
        self._account = child.account_for(self.instance.postgres / "data")

    @property
    def address(self) -> str:
        """The base URL that visitors call."""
        return address_of(self.settings)

    def start(self) -> None:
        """Bring everything up; raises an exception whose text is for the operator, and leaves the rest to stop()."""
        preflight.check_platform()
        self.instance.prepare(self._account)
        self.instance.lock()
        self.instance.state.unlink(missing_ok=True)  # of one that was killed: in a container its pid comes again
        preflight.check_disk(self.instance.home)
        preflight.check_named(self.settings, first=not any(self.instance.releases.iterdir()))
        self._end_leftovers()
        tls.hosts(self.settings)
        self._say_slips()
        require_free_ports(self.settings)
        self._start_database()
        self._start_models()
        self._timed("calibration", lambda: database.calibrate(self._patient()))
        self._start_functions()
        if self.settings.environment == "development":
            self._timed("demo shop", lambda: database.load_demo(self._patient()))
        self._upkeep = Chore("ops.upkeep", self._environ(), self.instance.logs / "upkeep.log", UPKEEP_S)
        self.write_state()

    def stop(self) -> None:
        """Stop every part and leave no process behind."""
        if self._upkeep is not None:
            self._upkeep.stop()
        if self._desk is not None:
            self._desk.close()
        if self._nginx is not None and self._host is not None:
            self._ending = Ending(self._nginx, self._host, self._say)
            self._ending.finish()
        self.supervisor.stop()
        if self.instance.is_locked:
            self.instance.state.unlink(missing_ok=True)
            self.instance.close()

    def cut(self) -> None:
        """Have `stop`, which goes on, wait for no answers any more."""
        if self._ending is not None:
            self._ending.cut()

    def rows(self) -> list[dict[str, Any]]:
        """One row a part and function: name, state, pid, restarts, memory in MiB (resident), fault."""
        parts = [
            {
                "name": watched.part.name,
                "state": watched.state,
                "pid": watched.part.process.pid if watched.part.process else None,
                "restarts": watched.restarts,
                "fault": watched.fault,
            }
            for watched in self.supervisor.watched
        ]
        functions = self._host.functions() if self._host else []
        rows = parts + [
            {
                "name": f"functions/{function['name']}",
                "state": function["state"],
                "pid": next(iter(function["workers"]), None),
                "restarts": function["restarts"],
                "fault": function["failure"],
                "workers": function["workers"],
            }
            for function in functions
        ]
        return [{**row, "memoryMiB": _resident_mib(row.get("workers") or [row["pid"]])} for row in rows]

    def write_state(self) -> None:
        """Leave the rows where `edge status` reads them: written aside, then renamed."""
        fresh = self.instance.state.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self._state()))
        fresh.replace(self.instance.state)

    def _state(self) -> dict[str, Any]:
        return {"pid": os.getpid(), "address": self.address, "writtenAt": time.time(), "parts": self.rows()}

    def _start_database(self) -> None:
        if self.settings.database_url is None:
            server = EmbeddedPostgres(
                self.instance.postgres, self.instance.run / "postgres", log=self.instance.logs / "postgres.log"
            )
            self._timed("postgres", lambda: self.supervisor.add(PostgresPart(server)))
            self.settings = msgspec.structs.replace(
                self.settings, database_url=server.owner_dsn, database_app_url=server.app_dsn
            )
        self._timed("migrations", lambda: database.bring_up_to_date(self.settings))

    def _start_models(self) -> None:
        if self.settings.ollama_url is not None:
            return
        part = ModelServerPart(self.instance, environ_of(self.instance, {}))
        self._timed("model", lambda: self.supervisor.add(part))
        self.settings = msgspec.structs.replace(self.settings, ollama_url=part.url)

    def _patient(self) -> Settings:
        """For what asks the model before any visitor does: ours, just loaded, may take its time meanwhile."""
        if not any(isinstance(watched.part, ModelServerPart) for watched in self.supervisor.watched):
            return self.settings
        deadline_s = max(self.settings.embed_deadline_s, MODEL_PATIENCE_S)
        return msgspec.structs.replace(self.settings, embed_deadline_s=deadline_s)

    def _start_functions(self) -> None:
        nginx = Nginx(self.settings, self.instance.run, self.instance.logs / "nginx")
        group = nginx.account.gid if nginx.account else None
        settings = self.settings
        host = HostPart(self.instance, self._functions_environ(), group, settings.watch_scale, settings.workers)
        self._host = host
        self._timed("host", lambda: self.supervisor.add(host))
        self._desk = Desk(self.instance.run, Upgrades(host, self.supervisor), self._state)
        self._timed("functions", lambda: self._deploy_changed(host))
        self._desk.routing = Routing(self.settings, nginx, host, Journal(self.instance.journal))
        self._nginx = nginx
        self._timed("nginx", lambda: self.supervisor.add(NginxPart(nginx)))

    def _deploy_changed(self, host: HostPart) -> str | None:
        """Deploy what differs from the active releases: always in development, in production only the first time."""
        active = {function["name"]: function["release"] for function in host.functions()}
        store, journal = Store(self.instance.releases), Journal(self.instance.journal)
        every = self.settings.environment == "development"
        wanted = opening.to_deploy(ROOT, store, journal, active, every=every, say=self._say)

        def deploy(item: tuple[str, str]) -> dict[str, Any]:
            request = {"op": "deploy", "name": item[0], "release": item[1], "by": "edge up"}
            return host.ask(request, timeout_s=DEPLOY_TIMEOUT_S)

        with ThreadPoolExecutor() as threads:
            answers = dict(zip(wanted, threads.map(deploy, wanted.items()), strict=True))
        refused: dict[str, list[str]] = {}
        texts: dict[str, str] = {}
        for name, answer in answers.items():
            if not answer.get("ok"):
                reason = f"{answer.get('step')}: {answer.get('reason') or answer.get('error')}"
                # What a save of core/ breaks in each function ends in the same line: it is told in full once.
                text = texts.setdefault(reason.splitlines()[-1], reason)
                refused.setdefault(text, []).append(name)
        self._refused(refused, active)
        return ", ".join(name for name in wanted if answers[name].get("ok")) or None

    def _refused(self, refused: dict[str, list[str]], active: dict[str, str | None]) -> None:
        """Say what was not deployed; raises InstanceError when nothing else serves, as at a first start."""
        for reason, names in refused.items():
            text = f"function {', '.join(names)}: {reason}"
            if not any(active.values()):
                raise InstanceError(text)
            serving = [f"{name} goes on with release {active[name]}" for name in names if active.get(name)]
            nothing = [f"{name} has no release that serves" for name in names if not active.get(name)]
            self._say("\n".join([text, *serving, *nothing]))

    def tick(self) -> None:
        """Answer who asks, and bring back what ended. Call it a few times a second."""
        if self._desk is not None:
            self._desk.tick()
        self.supervisor.tick()

    def wait(self, timeout_s: float, waking: int) -> None:
        """Until somebody asks or the descriptor `waking` has something to read, at most so long."""
        if self._desk is not None:
            self._desk.wait(timeout_s, waking)

    def look_around(self) -> None:
        """Let nginx know of functions and routes that came or went; bound logs; start chores. Once a second.

        Nothing here may end what serves: a step that fails is said once, and tried again the next time.
        """
        steps = (self._end_hung_host, self._route, self.write_state, lambda: bound(self.instance.logs), self._chores)
        troubles = []
        for step in steps:
            try:
                step()
            except Exception as error:  # noqa: BLE001 - a full disk, a configuration that nginx refuses, anything
                troubles.append(f"{type(error).__name__}: {error}")
        for trouble in troubles:
            if trouble not in self._troubles:
                self._say(trouble)
        self._troubles = troubles

    def _end_hung_host(self) -> None:
        if self._host is not None and self._host.end_if_hung():
            self._say(f"the host has answered nothing for {HUNG_S:.0f} s: ended, to be started again")

    def _chores(self) -> None:
        if self._upkeep is not None:
            self._upkeep.tick()

    def _route(self) -> None:
        if self._desk is not None and self._desk.routing is not None:
            self._desk.routing.look()

    def _functions_environ(self) -> dict[str, str]:
        """What functions see: not the owner's DSN when they have one of their own."""
        settings = self.settings
        if settings.database_app_url is not None:
            settings = msgspec.structs.replace(settings, database_url=None)
        return environ_of(self.instance, settings.to_environ())

    def _environ(self) -> dict[str, str]:
        return environ_of(self.instance, self.settings.to_environ())

    def _spared(self) -> set[int]:
        serving = {record.pid for record in records.living(self.instance.run / "workers")}
        return serving | (self._upkeep.pids if self._upkeep else set())

    def _end_leftovers(self) -> None:
        found = sweep.leftovers(self.instance.home, self.instance.run)
        if found:
            self._say(f"ending {len(found)} processes that an earlier run left behind")
            sweep.end(found)

    def _say_slips(self) -> None:
        """What is wrong with the service levels keeps nobody from serving."""
        try:
            load()
        except LevelsError as error:
            self._say(f"{error}; it starts all the same, and `edge doctor` tells what that costs")

    def _timed(self, name: str, work: Callable[[], object]) -> None:
        start = time.monotonic()
        result = work()
        note = f"  {result}" if isinstance(result, str) else ""
        self._say(f"{name:<12} ready in {time.monotonic() - start:.1f} s{note}")


def _resident_mib(pids: Sequence[int | None]) -> int | None:
    """Of all together; None when none of them runs."""
    found: list[int] = []
    for pid in pids:
        if pid is not None:
            with suppress(psutil.Error):
                found.append(int(psutil.Process(pid).memory_info().rss))
    return sum(found) >> 20 if found else None
