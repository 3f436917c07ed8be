"""nginx as a part of the stack: its folder, its configuration behind a gate, its life.

It is started in the run folder with `-p ./`, so that all its paths are relative: functions' sockets are reached
however long the path to them is, whatever it contains, and whoever may enter the folders above it.
"""

import contextlib
import grp
import http.client
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import psutil

from core.settings import Settings
from nginx.config import build, fingerprint
from nginx.servers import STATE_PATH
from nginx.site import Function, Site
from ops.stack import child, tls
from ops.stack.listener import ListenError, reachable, require_free_ports
from ops.stack.nginx_binary import Binary, NginxError, find

__all__ = ["Binary", "ConfigurationState", "Nginx", "NginxError"]

ACCOUNTS = ("www-data", "nginx", "http", "nobody")
CONFIGURATION = "nginx.conf"
OPEN_FILES = 8192
CONNECTIONS = 2048
POLL_S = 0.01
KILL_PATIENCE_S = 5.0
# On a reload nginx lets old workers accept for 100 ms more (ngx_master_process_cycle), beside the new ones.
SETTLE_S = 0.2
INHERITED = ("PATH", "LD_LIBRARY_PATH", "TZ", "LANG")


class ConfigurationState(msgspec.Struct, frozen=True):
    """Whether visitors get the configuration that is written; `detail` is a sentence for an operator."""

    in_force: bool
    detail: str


class Nginx:
    """One nginx in front of the functions whose sockets lie in `run_dir`.

    As root its workers run as `account`: sockets must let its group in (`chown :gid`, mode 0660), and `run_dir` is
    made enterable to all. As an ordinary user everything is that user's, and `account` is None.
    """

    def __init__(self, settings: Settings, run_dir: Path, log_dir: Path) -> None:
        self.settings = settings
        self.run_dir = run_dir.absolute()
        self.log_dir = log_dir.absolute()
        self.binary = find(settings.nginx)
        self.process: subprocess.Popen[bytes] | None = None
        self._temp_dir = self.run_dir / "nginx-temp"
        self._output = self.log_dir / "stderr.log"
        try:
            self.account = child.account_for(self._temp_dir, ACCOUNTS)
        except LookupError as error:
            raise NginxError(str(error)) from error

    @property
    def configuration_path(self) -> Path:
        """The file that nginx reads at its start and on a reload."""
        return self.run_dir / CONFIGURATION

    def site(self, manifests: Iterable[object]) -> Site:
        """What is built from the settings and the functions' manifests (plain data); raises SiteError, NginxError."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        open_files = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
        return Site(
            functions=tuple(Function.from_manifest(manifest) for manifest in manifests),
            host=self.settings.host,
            port=self.settings.port,
            user=self.account.name if self.account else None,
            group=grp.getgrgid(self.account.gid).gr_name if self.account else None,
            rate_limit=self.settings.rate_limit,
            exempt_networks=self.settings.exempt_networks,
            cors_origins=self.settings.cors_origins,
            trusted_proxies=self.settings.trusted_proxies,
            connections=min(CONNECTIONS, max(64, open_files - 128)),
            open_files=open_files,
            tls_hosts=tls.hosts(self.settings),
            https_port=self.settings.tls_port,
            nginx_version=self.binary.version,
        )

    def configure(self, manifests: Iterable[object]) -> None:
        """Write the configuration for these functions; raises SiteError, or NginxError with nginx's own words."""
        self.put(build(self.site(manifests)))

    def put(self, text: str) -> None:
        """Write `text` if `nginx -t` accepts it, else leave what is written as it was and raise NginxError."""
        self._prepare()
        candidate = self.run_dir / f"{CONFIGURATION}.new"
        candidate.write_text(text)
        done = subprocess.run(
            [*self._command(candidate.name), "-t", "-q"],
            cwd=self.run_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=30,
            check=False,
        )
        if done.returncode != 0:
            raise NginxError(f"nginx refuses the configuration {candidate}:\n{done.stdout.strip()}")
        candidate.replace(self.configuration_path)

    def start(self) -> subprocess.Popen[bytes]:
        """Start nginx as a child that ends with the calling thread; raises NginxError that says what is in the way."""
        self._prepare()
        self._end_orphans()
        try:
            require_free_ports(self.settings)
        except ListenError as error:
            raise NginxError(str(error)) from error
        with self._output.open("wb") as log:
            self.process = child.start(
                [*self._command(CONFIGURATION), "-g", "daemon off;"],
                account=None,
                death_signal=signal.SIGTERM,
                log=log,
                environ={name: os.environ[name] for name in INHERITED if name in os.environ},
                cwd=self.run_dir,
            )
        return self.process

    def wait_ready(self, timeout_s: float = 10.0) -> None:
        """Return once the written configuration answers; raises NginxError with what nginx said."""
        deadline = time.monotonic() + timeout_s
        while not self.state().in_force:
            if self.process is not None and self.process.poll() is not None:
                raise NginxError(f"nginx ended at its start:\n{self._said()}")
            if time.monotonic() > deadline:
                raise NginxError(f"nginx does not answer after {timeout_s:g} s: {self.state().detail}\n{self._said()}")
            time.sleep(POLL_S)

    def reload(self, timeout_s: float = 10.0) -> None:
        """Put the written configuration in force without losing a request; raises NginxError when it is not by then.

        nginx goes on with the old one if the new one fails; its reason is in the message.
        """
        error_log = self.log_dir / "error.log"
        seen_bytes = error_log.stat().st_size if error_log.exists() else 0
        os.kill(self._master(), signal.SIGHUP)
        deadline = time.monotonic() + timeout_s
        settled = time.monotonic() + SETTLE_S
        while time.monotonic() < settled:
            state = self.state()
            if not state.in_force:
                settled = time.monotonic() + SETTLE_S
            if time.monotonic() > deadline:
                said = error_log.read_bytes()[seen_bytes:].decode(errors="replace").strip()
                raise NginxError(f"the reload did not take effect: {state.detail}\n{said}")
            time.sleep(POLL_S)

    def close(self) -> None:
        """Accept nobody from now on; what is under way goes on until it ends, or `stop`."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)

    def stop(self, timeout_s: float = 5.0) -> None:
        """End what `start` started: answers under way may finish within `timeout_s`, then they are cut.

        Workers whose master was killed end too.
        """
        process, self.process = self.process, None
        if process is None:
            return
        for signum, patience_s in ((signal.SIGQUIT, timeout_s), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0)):
            if process.poll() is None:
                process.send_signal(signum)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(patience_s)
        self._kill_session(process.pid)

    def state(self) -> ConfigurationState:
        """Compare what is written with what answers, from any process."""
        try:
            text = self.configuration_path.read_text(errors="replace")
        except OSError:
            return ConfigurationState(in_force=False, detail=f"{self.configuration_path} is not written")
        written = fingerprint(text)
        if written is None:
            return ConfigurationState(in_force=False, detail=f"{self.configuration_path} was edited by hand")
        served = served_fingerprint(self.settings.host, self.settings.port)
        address = f"{self.settings.host} port {self.settings.port}"
        if served is None:
            return ConfigurationState(in_force=False, detail=f"no nginx of ours answers at {address}")
        if served != written:
            return ConfigurationState(in_force=False, detail=f"another configuration is in force at {address}: reload")
        return ConfigurationState(in_force=True, detail=f"{self.configuration_path} is in force at {address}")

    def _command(self, configuration: str) -> list[str | Path]:
        return [self.binary.path, "-p", "./", "-e", "stderr", "-c", configuration]

    def _prepare(self) -> None:
        for folder in (self.run_dir, self.log_dir, self._temp_dir):
            folder.mkdir(parents=True, exist_ok=True)
        if self.account is not None:
            os.chown(self._temp_dir, self.account.uid, self.account.gid)
            self.run_dir.chmod(self.run_dir.stat().st_mode | 0o011)
        # nginx has no escape for a `$` in the path of an access log, and the log folder may lie anywhere.
        link = self.run_dir / "nginx-logs"
        if not (link.is_symlink() and link.readlink() == self.log_dir):
            link.unlink(missing_ok=True)
            link.symlink_to(self.log_dir)

    def _master(self) -> int:
        if self.process is not None and self.process.poll() is None:
            return self.process.pid
        pid = self._recorded_pid()
        if pid is None or not self._is_master(pid):
            raise NginxError(f"no nginx runs in {self.run_dir}: start it")
        return pid

    def _recorded_pid(self) -> int | None:
        try:
            return int((self.run_dir / "nginx.pid").read_text())
        except (OSError, ValueError):
            return None

    def _end_orphans(self) -> None:
        """Kill workers that a killed master left behind, since they hold the port; raises NginxError if it lives."""
        pid = self._recorded_pid()
        if pid is None:
            return
        if self._is_master(pid):
            raise NginxError(f"nginx already runs in {self.run_dir} as process {pid}: stop it first")
        self._kill_session(pid)

    def _is_master(self, pid: int) -> bool:
        try:
            process = psutil.Process(pid)
            return _is_alive(process) and Path(process.cwd()) == self.run_dir.resolve()
        except psutil.Error:
            return False

    def _kill_session(self, leader: int) -> None:
        """Kill nginx processes of this session, whose number the kernel keeps from others while one of them lives.

        Returns when they have let go of the port.
        """
        name = self.binary.path.name[:15]  # TASK_COMM_LEN
        killed: list[psutil.Process] = []
        for pid in psutil.pids():
            with contextlib.suppress(OSError, psutil.Error):
                process = psutil.Process(pid)
                if os.getsid(pid) == leader and process.name()[:15] == name:
                    process.kill()
                    killed.append(process)
        deadline = time.monotonic() + KILL_PATIENCE_S
        while any(map(_is_alive, killed)) and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def _said(self) -> str:
        return self._output.read_text(errors="replace").strip()


def served_fingerprint(host: str, port: int, timeout_s: float = 1.0) -> str | None:
    """The fingerprint of the configuration that answers at this address; None when none of ours does."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=timeout_s)
    try:
        connection.request("GET", STATE_PATH, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.read(64).decode("latin-1") if response.status == http.HTTPStatus.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie waits for its parent and holds nothing."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
