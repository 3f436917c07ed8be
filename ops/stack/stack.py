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
from nginx.servers import HTTPS_PORT
from ops.host import records
from ops.release.closure import function_names
from ops.release.journal import Journal
from ops.release.snapshot import snapshot
from ops.release.store import Store
from ops.stack import child, database, preflight, sweep, tls
from ops.stack.chores import Chore
from ops.stack.instance import Instance, InstanceError
from ops.stack.listener import require_free_ports
from ops.stack.logs import bound
from ops.stack.nginx import Nginx
from ops.stack.parts import ROOT, HostPart, ModelServerPart, NginxPart, PostgresPart, environ_of
from ops.stack.postgres import EmbeddedPostgres
from ops.stack.supervisor import Supervisor
from ops.stack.upgrade import Upgrades

Say = Callable[[str], None]
DEPLOY_TIMEOUT_S = 60.0
UPKEEP_S = 300.0
GOING = frozenset({"removed", "leaving"})


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
        self._upgrades: Upgrades | None = None
        self._routed: list[dict[str, Any]] = []
        self._certified: tuple[tuple[int, int], ...] = ()
        self._troubles: list[str] = []
        self._account = child.account_for(self.instance.postgres / "data")

    @property
    def address(self) -> str:
        """The base URL that visitors call."""
        if self.settings.tls_names:
            port = "" if self.settings.tls_port == HTTPS_PORT else f":{self.settings.tls_port}"
            return f"https://{self.settings.tls_names[0]}{port}"
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"http://{host}:{self.settings.port}"

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
        require_free_ports(self.settings)
        self._start_database()
        self._start_models()
        self._timed("calibration", lambda: database.calibrate(self.settings))
        self._start_functions()
        if self.settings.environment == "development":
            self._timed("demo shop", lambda: database.load_demo(self.settings))
        self._upkeep = Chore("ops.upkeep", self._environ(), self.instance.logs / "upkeep.log", UPKEEP_S)
        self.write_state()

    def stop(self) -> None:
        """Stop every part and leave no process behind."""
        if self._upkeep is not None:
            self._upkeep.stop()
        if self._upgrades is not None:
            self._upgrades.close()
        self._finish_answers()
        self.supervisor.stop()
        if self.instance.is_locked:
            self.instance.state.unlink(missing_ok=True)
            self.instance.close()

    def _finish_answers(self) -> None:
        """Accept nobody, let the functions end their answers and streams, and only then cut what nginx still holds."""
        if self._nginx is not None:
            self._nginx.close()
        if self._host is not None:
            self._host.stop()

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
        state = {"pid": os.getpid(), "address": self.address, "writtenAt": time.time(), "parts": self.rows()}
        fresh = self.instance.state.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(state))
        fresh.replace(self.instance.state)

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

    def _start_functions(self) -> None:
        nginx = Nginx(self.settings, self.instance.run, self.instance.logs / "nginx")
        group = nginx.account.gid if nginx.account else None
        settings = self.settings
        host = HostPart(self.instance, self._functions_environ(), group, settings.watch_scale, settings.workers)
        self._host = host
        self._timed("host", lambda: self.supervisor.add(host))
        self._upgrades = Upgrades(self.instance.run, host, self.supervisor)
        self._timed("functions", lambda: self._deploy_changed(host))
        self._routed, self._certified = self._manifests(), tls.stamp(self.settings)
        nginx.configure(self._routed)
        self._nginx = nginx
        self._timed("nginx", lambda: self.supervisor.add(NginxPart(nginx)))

    def _deploy_changed(self, host: HostPart) -> str | None:
        """Deploy what differs from the active releases: always in development, in production only the first time."""
        store = Store(self.instance.releases)
        active = {function["name"]: function["release"] for function in host.functions()}
        wanted = {}
        journal = Journal(self.instance.journal)
        for name in function_names(ROOT):
            if journal.is_removed(name):
                continue
            if active.get(name) is None or self.settings.environment == "development":
                release = snapshot(ROOT, name, store).id
                if active.get(name) != release:
                    wanted[name] = release

        def deploy(item: tuple[str, str]) -> dict[str, Any]:
            request = {"op": "deploy", "name": item[0], "release": item[1], "by": "edge up"}
            return host.ask(request, timeout_s=DEPLOY_TIMEOUT_S)

        with ThreadPoolExecutor() as threads:
            answers = dict(zip(wanted, threads.map(deploy, wanted.items()), strict=True))
        for name, answer in answers.items():
            if not answer.get("ok"):
                self._refused(name, answer, serving=active.get(name))
        return ", ".join(wanted) or None

    def _refused(self, name: str, answer: dict[str, Any], serving: str | None) -> None:
        reason = f"function {name}: {answer.get('step')}: {answer.get('reason') or answer.get('error')}"
        if serving is None:
            raise InstanceError(reason)
        self._say(f"{reason}\n{name} goes on with release {serving}")

    def _manifests(self) -> list[dict[str, Any]]:
        """What nginx is to route: what serves, and what was routed until it is taken away.

        A function that fails answers 503 and not 404, as does one that a host that has just started does not list yet.
        """
        functions = {function["name"]: function for function in (self._host.functions() if self._host else [])}
        wanted = {manifest["name"]: manifest for manifest in self._routed if self._is_kept(manifest["name"], functions)}
        for name, function in functions.items():
            if function["manifest"] is not None and function["state"] not in GOING:
                wanted[name] = function["manifest"]
        return [wanted[name] for name in sorted(wanted)]

    def _is_kept(self, name: str, functions: dict[str, dict[str, Any]]) -> bool:
        if name in functions:
            return functions[name]["state"] not in GOING
        return not Journal(self.instance.journal).is_removed(name)

    def tick(self) -> None:
        """Bring back what ended, and go on with an upgrade of the host. Call it a few times a second."""
        if self._upgrades is not None:
            self._upgrades.tick()
        self.supervisor.tick()

    def look_around(self) -> None:
        """Let nginx know of functions and routes that came or went; bound logs; start chores. Once a second.

        Nothing here may end what serves: a step that fails is said once, and tried again the next time.
        """
        steps = (self._route, self.write_state, lambda: bound(self.instance.logs), self._chores)
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

    def _chores(self) -> None:
        if self._upkeep is not None:
            self._upkeep.tick()

    def _route(self) -> None:
        """Put new routes and renewed certificates in force."""
        functions = self._host.functions() if self._host else []
        if self._nginx is None or not functions:
            return
        manifests, certified = self._manifests(), tls.stamp(self.settings)
        if manifests != self._routed or certified != self._certified:
            self._nginx.configure(manifests)
            if certified != self._certified or not self._nginx.state().in_force:
                self._nginx.reload()
            self._routed, self._certified = manifests, certified
        for function in functions:
            if function["state"] == "removed" and self._host is not None:  # nobody comes to it any more
                self._host.ask({"op": "forget", "name": function["name"]})

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
