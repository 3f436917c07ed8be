"""`edge up` from its first start to its end, with each of its parts killed on the way."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from ops.stack.sweep import leftovers
from ops.stack.telling import STALE_S
from tests.parts.hosts import HELLO
from tests.parts.models import running_model_server
from tests.parts.stack import EDGE, RunningStack, free_port, running_stack, wait_until

ROOT = Path(__file__).parents[2]
WITHOUT_DEMO = {"EDGE_ENVIRONMENT": "production", "EDGE_RATE_LIMIT_EXEMPT": "127.0.0.0/8"}
QUESTION = {"query": "how much is a beard trim?", "shopId": 1}


def answers(stack: RunningStack) -> bool:
    try:
        answer = httpx.post(f"{stack.address}/api/knowledge/search", json=QUESTION, timeout=10)
    except httpx.TransportError:
        return False
    return answer.status_code == 200 and answer.json()["count"] > 0


def found(stack: RunningStack) -> dict:
    return httpx.post(f"{stack.address}/api/knowledge/search", json=QUESTION, timeout=10).json()


def try_mkdir(path: Path) -> bool:
    try:
        path.mkdir()
    except FileExistsError:  # it is being written this very moment
        return False
    return True


def family(stack: RunningStack) -> list[psutil.Process]:
    return psutil.Process(stack.process.pid).children(recursive=True)


@pytest.fixture(scope="module")
def own() -> Iterator[RunningStack]:
    """A stack whose parts may be killed."""
    with running_stack() as running:
        yield running


def test_it_ends_with_the_address_a_command_to_paste_and_where_logs_are(own: RunningStack):
    assert f"Cutting Edge is up: {own.address}" in own.output
    assert str(own.home / "logs") in own.output
    pasted = next(line for line in own.output.splitlines() if line.strip().startswith("curl "))
    answer = subprocess.run(["sh", "-c", pasted], capture_output=True, text=True, timeout=30, check=True)
    assert '"results":[{' in answer.stdout


def test_it_starts_without_the_model_server_that_it_had_before_and_answers_by_words():
    with running_model_server() as server:
        home = Path(tempfile.mkdtemp(prefix="edge-", dir=server.socket.parent)) / ".edge"
        home.parent.chmod(0o755)
        server.socket.parent.chmod(0o755)
        with running_stack(home, EDGE_OLLAMA_URL=server.url) as stack:
            assert answers(stack)
        server.kill()
        with running_stack(home, EDGE_OLLAMA_URL=server.url) as stack:
            assert "until it is back, searches compare words alone" in stack.output
            assert "embeddings" == found(stack)["degraded"]
            server.start()
            wait_until(lambda: "degraded" not in found(stack))


def test_a_second_one_says_who_holds_the_folder(own: RunningStack):
    second = own.edge("up")
    assert 1 == second.returncode
    assert f"pid {own.process.pid}" in second.stderr
    assert (own.home / "state.json").exists()
    assert answers(own)


def test_no_function_and_no_model_server_sees_the_owners_way_into_the_database(own: RunningStack):
    for part in ("functions/search", "functions/learn", "host", "model"):
        environ = psutil.Process(own.pid_of(part)).environ()
        assert "EDGE_DATABASE_URL" not in environ
    assert "EDGE_DATABASE_APP_URL" in psutil.Process(own.pid_of("host")).environ()


def test_a_state_file_that_cannot_be_written_is_said_and_ends_nothing(own: RunningStack):
    obstacle = own.home / "state.new"
    wait_until(lambda: try_mkdir(obstacle))
    wait_until(lambda: "IsADirectoryError" in own.output)
    assert answers(own)
    before = own.state()["writtenAt"]
    wait_until(lambda: time.time() - before > STALE_S)
    shown = own.edge("status", "--json")  # of the stack itself, past its file
    assert (0, before) == (shown.returncode, own.state()["writtenAt"]), shown.stderr
    assert time.time() - json.loads(shown.stdout)["writtenAt"] < STALE_S
    obstacle.rmdir()
    wait_until(lambda: own.state()["writtenAt"] > before)


def test_a_process_that_only_stands_in_the_run_folder_is_not_swept(own: RunningStack):
    with subprocess.Popen(["sleep", "60"], cwd=own.home / "run") as bystander:
        found = leftovers(own.home, (own.home / "run").resolve())
        bystander.terminate()
    assert bystander.pid not in {process.pid for process in found}


def test_the_status_lists_each_part_and_function(own: RunningStack):
    shown = own.edge("status")
    assert 0 == shown.returncode
    for name in ("postgres", "model", "host", "nginx", "functions/health", "functions/learn", "functions/search"):
        assert name in shown.stdout
    assert {"running", "serving"} == {row["state"] for row in own.state()["parts"]}


def test_a_function_that_comes_or_goes_takes_one_graceful_reload_and_a_deploy_none(own: RunningStack, tmp_path: Path):
    (tmp_path / "core").symlink_to(ROOT / "core")
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "__init__.py").touch()
    source = tmp_path / "functions" / "fleeting.py"
    master = psutil.Process(own.pid_of("nginx"))
    seen: set[int] = {worker.pid for worker in master.children()}  # a reload replaces all of nginx's workers

    def reloads() -> int:
        fresh = {worker.pid for worker in master.children()} - seen
        seen.update(fresh)
        return len(fresh) // (os.cpu_count() or 1)

    def word() -> tuple[int, str]:
        with own.client() as client:
            answer = client.get("/fleeting/word")
            return answer.status_code, answer.text if answer.status_code == 200 else ""

    def deploy(said: str) -> None:
        source.write_text(HELLO.format(name="fleeting", word=said))
        done = own.edge("deploy", "fleeting", "--root", str(tmp_path))
        assert 0 == done.returncode, done.stdout + done.stderr

    deploy("first")
    assert (200, "first") == word()
    assert 1 == reloads()
    deploy("second")
    assert (200, "second") == word()
    assert 0 == reloads()
    assert 0 == own.edge("remove", "fleeting").returncode
    assert (404, "") == word()
    assert 1 == reloads()
    deploy("third")
    assert (200, "third") == word()


@pytest.mark.parametrize("part", ["functions/search", "nginx", "host", "model", "postgres"])
def test_a_part_killed_with_9_comes_back(own: RunningStack, part: str):
    pid = own.pid_of(part)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    wait_until(lambda: answers(own))
    wait_until(lambda: own.pid_of(part) not in (None, pid))


def test_workers_of_a_killed_nginx_do_not_stay(own: RunningStack):
    workers = psutil.Process(own.pid_of("nginx")).children()
    os.kill(own.pid_of("nginx"), signal.SIGKILL)
    wait_until(lambda: not any(worker.is_running() for worker in workers))
    wait_until(lambda: answers(own))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_process_behind_and_the_second_start_keeps_what_was_learnt(
    tmp_path: Path, signum: signal.Signals
):
    tmp_path.chmod(0o755)
    home = tmp_path / "e"
    with running_stack(home, **WITHOUT_DEMO) as first:
        key = first.key(shop=7)
        text = "The quiet hour is on Tuesdays from nine to ten, with the music off."
        with first.client(key) as client:
            assert 200 == client.post("/api/knowledge/learn", json={"shopId": 7, "content": text}).status_code
        everyone = family(first)
        assert 0 == first.stop(signum)
        assert not any(process.is_running() for process in everyone)
    with running_stack(home, **WITHOUT_DEMO) as second, second.client() as client:
        found = client.post("/api/knowledge/search", json={"query": "when is the quiet hour?", "shopId": 7}).json()
        assert text == found["results"][0]["content"]


def test_a_supervisor_killed_with_9_takes_everything_along_and_down_sweeps_the_rest(tmp_path: Path):
    tmp_path.chmod(0o755)
    with running_stack(tmp_path / "e", **WITHOUT_DEMO) as stack:
        everyone = family(stack)
        nginx = psutil.Process(stack.pid_of("nginx"))
        nginx.kill()  # its workers are now nobody's
        stack.process.kill()
        stack.process.wait()
        assert 4 == stack.edge("status").returncode
        down = stack.edge("down")
        assert 0 == down.returncode, down.stderr
        wait_until(lambda: not any(process.is_running() for process in everyone))
        assert [] == leftovers(stack.home, (stack.home / "run").resolve())


def test_down_stops_it_from_elsewhere_and_ends_streams_in_good_order(tmp_path: Path):
    tmp_path.chmod(0o755)
    with running_stack(tmp_path / "e", **WITHOUT_DEMO) as stack, stack.client() as visitor:
        everyone = family(stack)
        assert 0 == stack.edge("contact", "set", "--shop", "1").returncode
        opened = visitor.post("/api/handoff", json={"shopId": 1}).json()
        token = {"Authorization": f"Bearer {opened['visitorToken']}"}
        with visitor.stream("GET", f"/api/handoff/{opened['handoffId']}/events", headers=token) as events:
            assert "stopped" in stack.edge("down").stdout
            assert "event: resume" in events.read().decode(), "raises RemoteProtocolError where it is cut"
        assert 0 == stack.process.wait(30)
        assert not any(process.is_running() for process in everyone)
        assert "nothing runs" in stack.edge("down").stdout


def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        failed = edge_up(tmp_path, EDGE_PORT=port)
    assert 1 == failed.returncode
    assert f"port {port}" in failed.stderr
    assert "EDGE_PORT" in failed.stderr


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("EDGE_PROT", "1", "unknown setting: EDGE_PROT"),
        ("EDGE_PORT", "99999", "EDGE_PORT"),
        ("EDGE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x", "127.0.0.1"),
        ("EDGE_DATABASE_URL", "postgresql://owner:pa%zz@127.0.0.1:1/x", "EDGE_DATABASE_URL is not a valid URL"),
        ("EDGE_HOME", "/proc/nowhere", "EDGE_HOME"),
        ("EDGE_TLS_NAMES", "shop.example", "set EDGE_TLS_CERTIFICATE and EDGE_TLS_KEY too"),
    ],
)
def test_a_setting_that_cannot_work_is_explained_in_a_line(tmp_path: Path, setting: str, value: str, said: str):
    failed = edge_up(tmp_path, **{"EDGE_PORT": str(free_port()), setting: value})
    assert 1 == failed.returncode
    assert said in failed.stderr
    assert "Traceback" not in failed.stderr


def edge_up(home: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "EDGE_HOME": str(home / "e"), **extra}
    return subprocess.run([EDGE, "up"], env=environ, capture_output=True, text=True, timeout=60, check=False)
