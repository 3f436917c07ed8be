"""The embedded PostgreSQL: the programs of a wheel, a data folder below EDGE_HOME, one foreground child.

Nobody but the user who starts it gets in: it listens on a Unix socket only, and `peer` authentication maps that user
to the roles. Root drops to an unprivileged account, since PostgreSQL refuses to run as root.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg

from ops.stack import child
from ops.stack.pgbinaries import ENVIRON, Binaries, BinariesError, locate

PID_FILE_STATUS = 7  # LOCK_FILE_LINE_PM_STATUS of pidfile.h, counted from 0
PORT = 5432  # only part of the socket's name
SOCKET_PATH_BYTES = 107  # sun_path of unix(7) without its closing NUL
INITDB = (
    *("-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    *("--lc-collate=C", "--lc-ctype=C.UTF-8"),  # without the latter pg_trgm drops all that is not ASCII
    *("-U", "postgres", "--auth=reject", "--no-instructions"),
)
ROLES = """
create role edge_owner login createdb createrole;
create role edge_app login;
grant edge_app to edge_owner;
create database edge owner edge_owner;
revoke all on database edge from public;
grant connect on database edge to edge_app;
"""
EXTENSION = "create extension vector;\n"
HBA = "local all all peer map=edge\n"
PARAMETERS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    # Ten functions of four connections each, thrice: an upgrade that is killed on its way begins a third generation.
    "max_connections": "240",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
}


class PostgresError(Exception):
    """The embedded server cannot be made, started or reached; the message says what to do."""


class EmbeddedPostgres:
    """One server over `home/data`, its socket in `socket_dir` (a folder of its own, a path of few bytes).

    As root, `home` may lie below a folder that only root can enter; `socket_dir` may not, and is given to the account
    that the server runs as. `parameters` are server settings on top of the defaults.
    """

    predecessor_timeout_s = 30.0  # for a server of before to write its checkpoint

    def __init__(
        self,
        home: Path,
        socket_dir: Path,
        *,
        log: Path | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home.absolute()
        self.data = self.home / "data"
        self.socket_dir = socket_dir.absolute()
        self.log = (log or self.home / "server.log").absolute()
        self.parameters = {**PARAMETERS, **(parameters or {})}
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self.account = child.account_for(self.data)
            self.user = child.current_user()
        except LookupError as error:
            raise PostgresError(f"PostgreSQL needs users with a passwd entry: {error}") from error
        self._binaries: Binaries | None = None

    @property
    def owner_dsn(self) -> str:
        """Connects as edge_owner, who owns the database `edge`: migrations and keys."""
        return self.dsn("edge_owner")

    @property
    def app_dsn(self) -> str:
        """Connects as edge_app, whom row-level security binds: functions."""
        return self.dsn("edge_app")

    def dsn(self, role: str, database: str = "edge") -> str:
        """The URL of `database` for one of the roles edge_owner, edge_app, postgres."""
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{role}@/{quote(database)}?host={host}&port={self.parameters['port']}"

    @property
    def binaries(self) -> Binaries:
        """The programs (psql, pg_dump, …) where the server's account can run them; looked up once."""
        if self._binaries is None:
            try:
                self._binaries = locate(self.account)
            except BinariesError as error:
                raise PostgresError(str(error)) from error
        return self._binaries

    def prepare(self) -> None:
        """Make the data folder once, with roles, database and extension; then only see that it fits this server.

        What was interrupted half-way is thrown away and made anew. Raises PostgresError.
        """
        if len(os.fsencode(self.socket_dir / f".s.PGSQL.{self.parameters['port']}")) > SOCKET_PATH_BYTES:
            raise PostgresError(f"{self.socket_dir} is too long for a Unix socket ({SOCKET_PATH_BYTES} bytes)")
        if "," in str(self.socket_dir):
            raise PostgresError(f"{self.socket_dir} has a comma, at which clients split a list of hosts")
        self.home.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if not self.data.exists():
            self._create(self.home / "data.new")
        self._check_version()

    def _create(self, fresh: Path) -> None:
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        self._give(fresh)
        durable = self.parameters.get("fsync") != "off"
        self._run_on(fresh, "initdb", *INITDB, *(() if durable else ("--no-sync",)))
        self._single(fresh, "postgres", ROLES)
        self._single(fresh, "edge", EXTENSION)
        fresh.rename(self.data)

    def _single(self, data: Path, database: str, statements: str) -> None:
        # A server for one session, without sockets: it ends with an error status at the first error.
        sync = f"fsync={self.parameters.get('fsync', 'on')}"
        self._run_on(data, "postgres", "--single", "-c", "exit_on_error=on", "-c", sync, database, text_in=statements)

    def _run_on(self, data: Path, program: str, *arguments: str, text_in: str = "") -> None:
        # `-D /proc/self/fd/N` gets the account into a folder whose parents only root may enter.
        folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
        mode = () if program == "initdb" else (arguments[0],)
        try:
            done = child.run(
                [self.binaries.bin / program, *mode, "-D", f"/proc/self/fd/{folder}", *arguments[len(mode) :]],
                account=self.account,
                environ=ENVIRON,
                pass_fds=(folder, *self.binaries.pass_fds),
                text_in=text_in,
            )
        finally:
            os.close(folder)
        if done.returncode != 0:
            raise PostgresError(f"{program} failed in {data}: {_last_lines(done.stdout)}")

    def _give(self, folder: Path) -> None:
        if self.account:
            os.chown(folder, self.account.uid, self.account.gid)

    def _check_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip() if (self.data / "PG_VERSION").exists() else "none"
        shown = child.run([self.binaries.bin / "postgres", "-V"], account=self.account, environ=ENVIRON).stdout
        found = re.search(r"\) (\d+)", shown)
        if found is None or found[1] != made_by:
            raise PostgresError(
                f"{self.data} is of PostgreSQL {made_by}, the installed server is {shown.strip()}: "
                "dump it with the old version and restore it with this one, or move it away"
            )

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server as a child that shuts down cleanly when this thread or process ends, however it ends.

        Raises PostgresError when a server already runs on this data folder.
        """
        self._wait_for_predecessor()
        self.socket_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._give(self.socket_dir)
        self._write_access()
        folder = os.open(self.data, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with self.log.open("ab") as log:
                self.process = child.start(
                    [self.binaries.bin / "postgres", "-D", f"/proc/self/fd/{folder}", *self._options()],
                    account=self.account,
                    death_signal=signal.SIGINT,  # fast shutdown: sessions end, a checkpoint is written
                    log=log,
                    environ=ENVIRON,
                    pass_fds=(folder, *self.binaries.pass_fds),
                )
        finally:
            os.close(folder)
        return self.process

    def _options(self) -> list[str]:
        # The list of folders is parsed as identifiers: quotes keep spaces, commas and capitals.
        quoted = '"' + str(self.socket_dir).replace('"', '""') + '"'
        pairs = {"unix_socket_directories": quoted, **self.parameters}
        return [part for name, value in pairs.items() for part in ("-c", f"{name}={value}")]

    def _wait_for_predecessor(self) -> None:
        # PostgreSQL's own check takes any living process with the pid of a stale file for a server, so that it refuses
        # to start after a reboot; what stands in the data folder is one. It may still be writing its checkpoint.
        deadline = time.monotonic() + self.predecessor_timeout_s
        while (pid := self._running_pid()) is not None:
            if time.monotonic() > deadline:
                raise PostgresError(f"a PostgreSQL server (pid {pid}) already runs on {self.data}: stop it first")
            time.sleep(0.05)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _running_pid(self) -> int | None:
        try:
            pid = abs(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]))
            stands_in = Path(f"/proc/{pid}/cwd").stat()
        except (OSError, ValueError):
            return None
        here = self.data.stat()
        return pid if (stands_in.st_dev, stands_in.st_ino) == (here.st_dev, here.st_ino) else None

    def _write_access(self) -> None:
        names = "".join(f'edge "{self.user}" {role}\n' for role in ("edge_owner", "edge_app", "postgres"))
        for name, text in (("pg_hba.conf", HBA), ("pg_ident.conf", names)):
            self._replace(name, text)

    def _replace(self, name: str, text: str) -> None:
        # Root writes into a folder of another account: by a new file (no link is followed), then a rename.
        fresh = f"{name}.new"
        folder = os.open(self.data, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=folder)
            made = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
            with os.fdopen(made, "w") as file:
                file.write(text)
                if self.account:
                    os.fchown(made, self.account.uid, self.account.gid)
            os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            os.close(folder)

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Return when edge_owner gets a connection; raises PostgresError with the log's end when that fails."""
        deadline = time.monotonic() + timeout_s
        while True:
            ended = self.process is not None and self.process.poll() is not None
            is_over = ended or time.monotonic() > deadline
            if self._says_ready() or is_over:
                try:
                    psycopg.connect(self.owner_dsn, connect_timeout=5).close()
                except psycopg.OperationalError as error:
                    if is_over:
                        raise PostgresError(f"PostgreSQL does not start: {self.log_end() or error}") from error
                else:
                    return
            time.sleep(0.02)

    def _says_ready(self) -> bool:
        """Whether its pid file says so, as pg_ctl asks: a connection before that would be a FATAL in its log."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return [line.strip() for line in lines[PID_FILE_STATUS:]] in (["ready"], ["standby"])

    def log_end(self) -> str:
        """The last lines of the server's log."""
        with suppress(OSError):
            return _last_lines(self.log.read_text(errors="replace")[-20_000:])
        return ""

    def stop(self, timeout_s: float = 30.0) -> None:
        """End all sessions and shut down: fast, then immediate, then by force."""
        process, self.process = self.process, None
        if process is not None:
            wishes = ((signal.SIGINT, timeout_s), (signal.SIGQUIT, 5.0), (signal.SIGKILL, child.KILLED_S))
            for wish, patience_s in wishes:
                process.send_signal(wish)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(patience_s)
                    break
        if self._binaries is not None:
            self._binaries.close()
            self._binaries = None


def _last_lines(text: str, count: int = 5) -> str:
    return " | ".join(line.strip() for line in text.strip().splitlines()[-count:])
