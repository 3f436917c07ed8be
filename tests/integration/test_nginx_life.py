"""Starting, gating, reloading, seeing and ending nginx."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

from core.settings import Settings
from nginx.config import build
from ops.stack.nginx import Nginx, NginxError
from ops.stack.nginx_binary import find
from tests.parts.proxy import ABSENT, ECHO, Door, free_port, opened

ROOT = Path(__file__).parents[2]
HAS_IPV6 = Path("/proc/net/if_inet6").exists() and "lo" in Path("/proc/net/if_inet6").read_text().split()
ADDRESSES = ["127.0.0.1", "0.0.0.0", "localhost", *(["::1", "::"] if HAS_IPV6 else [])]
FOLDERS = [
    "with space",
    "semi;colon # and {braces}",
    "dollar$host ${uri}",
    "quo\"te'd",
    "back\\slash\\n",
    "new\nline",
    "Ünïcode ☕",
    "unix:colon:",
    "/".join(["so-deep-that-a-socket-in-it-has-too-long-a-name"] * 4),
]


def until(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("folder", FOLDERS)
def test_any_folder_will_do(tmp_path, nginx_setting, folder):
    with opened(tmp_path / folder, nginx=nginx_setting) as door:
        assert door.client.post("/api/echo", content=b"x" * 1024).status_code == 200
        assert door.client.post("/api/batch", content=b"x" * (1 << 20)).json()["bodyBytes"] == 1 << 20
        assert door.client.get("/api/absent").status_code == 503
        until(lambda: [line["status"] for line in door.log()] == [200, 200, 503])
        assert "absent.sock" in (door.log_dir / "error.log").read_text()
        assert door.nginx.state().in_force


@pytest.mark.parametrize("host", ADDRESSES)
def test_any_address_of_the_machine_will_do(tmp_path, nginx_setting, host):
    with opened(tmp_path, nginx=nginx_setting, host=host) as door:
        assert door.nginx.state().in_force
        loopbacks = ["127.0.0.1", "[::1]"] if host == "::" else ["[::1]" if ":" in host else "127.0.0.1"]
        for loopback in loopbacks:
            url = f"http://{loopback}:{door.settings.port}/metrics/echo"
            assert httpx.get(url, trust_env=False).status_code == 200


def test_workers_have_no_more_rights_than_they_need(door):
    workers = psutil.Process(door.nginx.process.pid).children()
    expected = door.nginx.account.uid if os.geteuid() == 0 else os.geteuid()
    assert workers
    assert {worker.uids().effective for worker in workers} == {expected}
    assert expected != 0


def test_a_port_in_use_says_by_whom_and_what_to_do(tmp_path, nginx_setting):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        door = Door(tmp_path, nginx=nginx_setting, port=port)
        try:
            door.nginx.configure([ECHO])
            with pytest.raises(NginxError, match=rf"port {port} .*process {os.getpid()}.*set EDGE_PORT"):
                door.nginx.start()
        finally:
            door.close()


def test_an_address_of_another_machine_is_refused(tmp_path):
    nginx = Nginx(Settings(home=tmp_path, host="192.0.2.1", port=free_port()), tmp_path / "run", tmp_path / "logs")
    with pytest.raises(NginxError, match=r"EDGE_HOST=192\.0\.2\.1 is not an address of this machine"):
        nginx.start()


def test_a_name_of_no_machine_is_refused(tmp_path):
    nginx = Nginx(Settings(home=tmp_path, host="no-such.invalid"), tmp_path / "run", tmp_path / "logs")
    with pytest.raises(NginxError, match=r"EDGE_HOST=no-such\.invalid"):
        nginx.start()


@pytest.mark.parametrize(("chosen", "said"), [("/nowhere/nginx", "is no program"), ("true", "which nginx it is")])
def test_a_wrong_nginx_is_said_to_be_one(chosen, said):
    with pytest.raises(NginxError, match=said):
        find(chosen)


def test_a_refused_configuration_changes_nothing(door):
    before = door.nginx.configuration_path.read_text()
    with pytest.raises(NginxError, match=r'unknown directive "nonsense".*nginx\.conf\.new:3') as refused:
        door.nginx.put("events { }\nhttp {\n    nonsense on;\n}\n")
    assert str(door.run_dir) in str(refused.value)
    assert door.nginx.configuration_path.read_text() == before
    assert door.nginx.state().in_force
    assert door.client.get("/api/echo").status_code == 200


def test_a_reload_puts_the_written_configuration_in_force_and_cuts_nothing(tmp_path, nginx_setting):
    with opened(tmp_path, nginx=nginx_setting) as door:
        answers = []
        held = threading.Thread(target=lambda: answers.append(door.client.get("/api/live")))
        held.start()
        assert door.echo.reached.wait(10)
        door.nginx.configure([ECHO, {**ABSENT, "name": "echo-two"}])
        assert not door.nginx.state().in_force
        assert "another configuration is in force" in door.nginx.state().detail
        door.nginx.reload()
        assert door.nginx.state().in_force
        door.echo.release.set()
        held.join()
        assert answers[0].text == "data: first\n\ndata: last\n\n"


def test_another_process_can_reload_and_see(tmp_path, nginx_setting):
    with opened(tmp_path, nginx=nginx_setting) as door:
        other = Nginx(door.settings, door.run_dir, door.log_dir)
        other.configure([ECHO])
        assert not other.state().in_force
        other.reload()
        assert other.state().in_force
        with pytest.raises(NginxError, match="already runs"):
            other.start()


def test_a_reload_that_fails_says_why_and_leaves_the_old_configuration(tmp_path, nginx_setting):
    """`nginx -t` lets a port in use pass; only the reload finds out."""
    with opened(tmp_path, nginx=nginx_setting) as door, socket.create_server(("127.0.0.1", 0)) as other:
        site = door.nginx.site([ECHO, ABSENT])
        text = build(site).replace(f"127.0.0.1:{site.port} ", f"127.0.0.1:{other.getsockname()[1]} ")
        door.nginx.put(text)
        with pytest.raises(NginxError, match=r"bind.*in use"):
            door.nginx.reload(timeout_s=0.5)
        assert door.client.get("/api/echo", timeout=10).status_code == 200


def test_the_state_tells_what_is_wrong(tmp_path, nginx_setting):
    door = Door(tmp_path, nginx=nginx_setting)
    try:
        assert "is not written" in door.nginx.state().detail
        door.nginx.configure([ECHO])
        assert "no nginx of ours answers" in door.nginx.state().detail
        door.nginx.start()
        door.nginx.wait_ready()
        assert door.nginx.state().in_force
        written = door.nginx.configuration_path.read_text()
        door.nginx.configuration_path.write_text(written.replace("server_tokens off", "server_tokens on"))
        assert "edited by hand" in door.nginx.state().detail
    finally:
        door.close()


def test_a_reload_without_nginx_says_so(tmp_path):
    nginx = Nginx(Settings(home=tmp_path, port=free_port()), tmp_path / "run", tmp_path / "logs")
    with pytest.raises(NginxError, match="no nginx runs"):
        nginx.reload()


def test_an_nginx_that_ends_at_its_start_is_quoted(tmp_path, nginx_setting):
    door = Door(tmp_path, nginx=nginx_setting)
    try:
        door.nginx.configure([ECHO])
        door.nginx.configuration_path.write_text("events { }\nhttp { server { listen 1.2.3.4.5; } }\n")
        door.nginx.start()
        with pytest.raises(NginxError, match=r"ended at its start:\n.*host not found"):
            door.nginx.wait_ready()
    finally:
        door.close()


def test_workers_of_a_killed_master_do_not_hold_the_port(tmp_path, nginx_setting):
    with opened(tmp_path, nginx=nginx_setting) as door:
        orphans = psutil.Process(door.nginx.process.pid).children()
        os.kill(door.nginx.process.pid, signal.SIGKILL)
        door.nginx.process.wait()
        door.nginx = Nginx(door.settings, door.run_dir, door.log_dir)
        door.nginx.start()
        door.nginx.wait_ready()
        assert not [orphan for orphan in orphans if orphan.is_running() and orphan.status() != psutil.STATUS_ZOMBIE]
        assert httpx.get(door.client.base_url.join("/api/echo"), trust_env=False).status_code == 200


def test_a_stop_ends_workers_of_a_killed_master_too(tmp_path, nginx_setting):
    with opened(tmp_path, nginx=nginx_setting) as door:
        orphans = psutil.Process(door.nginx.process.pid).children()
        os.kill(door.nginx.process.pid, signal.SIGKILL)
        door.nginx.stop()
        assert psutil.wait_procs(orphans, timeout=10)[1] == []


def test_a_stop_lets_answers_finish(tmp_path, nginx_setting):
    with opened(tmp_path, nginx=nginx_setting) as door:
        answers = []
        held = threading.Thread(target=lambda: answers.append(door.client.get("/api/live").text))
        held.start()
        assert door.echo.reached.wait(10)
        process = door.nginx.process
        stopping = threading.Thread(target=door.nginx.stop)
        stopping.start()
        until(lambda: not door.nginx.state().in_force)
        door.echo.release.set()
        held.join()
        stopping.join()
        assert answers == ["data: first\n\ndata: last\n\n"]
        assert process.returncode == 0


def test_a_stop_does_not_wait_for_ever(tmp_path, nginx_setting):
    with opened(tmp_path, nginx=nginx_setting) as door:
        with door.client.stream("GET", "/api/live") as answer:
            assert next(answer.iter_text()) == "data: first\n\n"
            process = door.nginx.process
            door.nginx.stop(timeout_s=0.2)
            assert process.returncode is not None
        with socket.create_server(("127.0.0.1", door.settings.port)):
            pass


def test_nginx_ends_with_who_started_it(tmp_path, nginx_setting):
    program = f"""
import os, sys
from pathlib import Path
from core.settings import Settings
from ops.stack.nginx import Nginx
home = Path({str(tmp_path)!r})
nginx = Nginx(Settings(home=home, port={free_port()}, nginx={nginx_setting!r}), home / "run", home / "logs")
nginx.configure([{ABSENT!r}])
print(nginx.start().pid, flush=True)
nginx.wait_ready()
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    until(lambda: not psutil.pid_exists(int(done.stdout)))


def test_every_line_of_the_log_is_json_without_a_query(door):
    key = "logged-0001"
    agent = 'curl "quoted" \\ back\tslash'
    door.raw(
        b"GET /api/items/a%22b?token=secret HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        b"Authorization: Bearer secret\r\nX-Request-ID: "
        + key.encode()
        + b"\r\nUser-Agent: "
        + agent.encode()
        + b"\r\n\r\n"
    )
    door.raw(b"nonsense\r\n\r\n")
    line = door.logged(key)
    assert line["agent"] == agent
    assert line["path"] == "/api/items/a%22b"
    assert (line["function"], line["status"], line["method"]) == ("echo", 200, "GET")
    assert line["client"] == "127.0.0.1"
    assert line["seconds"] >= 0
    assert "secret" not in (door.log_dir / "access.json").read_text()
