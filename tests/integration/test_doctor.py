"""Each check of `edge doctor` finds its fault when it is caused; those of a whole stack are in tests/e2e."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest

from core.settings import Settings
from ops.doctor import certificates, configuration, cors, disk, functions, health, memory, model, ports, privacy
from ops.doctor import database as database_check
from ops.doctor.box import Box
from ops.doctor.checks import CHECKS, run
from ops.doctor.finding import Finding, Level
from ops.stack.instance import Instance
from ops.stack.nginx import NginxError
from tests.parts.commands import operated
from tests.parts.faulty_models import FaultyModels, faulty_models
from tests.parts.hosts import HELLO
from tests.parts.proxy import ABSENT, ECHO, Door, free_port, opened

TLS = Path(__file__).parents[1] / "data" / "tls"


def levels(findings: Iterable[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def faults(findings: Iterable[Finding]) -> list[str]:
    """What is told of faults; each says what to do."""
    found = [finding for finding in findings if finding.level is Level.FAULT]
    assert all(finding.remedy for finding in found)
    return [finding.detail for finding in found]


def box(tmp_path: Path, **settings) -> Box:
    return Box(Settings(home=tmp_path, **settings), tmp_path)


def box_of(door: Door) -> Box:
    """The box of a door, whose nginx lies where an instance has it."""
    found = Box(door.settings, door.settings.home)
    found.__dict__["nginx"] = door.nginx
    return found


def test_where_nothing_runs_every_check_ends_and_none_feels_well_about_what_it_cannot_see(tmp_path):
    found = {result.check: result.finding for result in run(box(tmp_path, port=free_port()))}
    assert "the check broke" not in " ".join(finding.detail for finding in found.values())
    sick = {name for name, finding in found.items() if finding.level in {Level.FAULT, Level.UNKNOWN}}
    assert {"functions", "nginx", "ports", "cors", "writes", "database", "shops", "model", "vectors"} <= sick
    assert {"memory", "health"} <= sick


def test_where_nothing_runs_it_does_not_tell_of_a_version_that_serves(tmp_path):
    found = [*run(Box(Settings(home=tmp_path), Path(__file__).parents[2]), ("releases",))]
    assert [("no host tells what serves", Level.UNKNOWN)] == [(one.finding.detail, one.finding.level) for one in found]


def test_settings_of_another_port_are_told_and_nothing_is_advised_of_the_right_one(tmp_path):
    instance = Instance(tmp_path)
    instance.prepare(None)
    instance.lock()
    told = {
        "pid": os.getpid(),
        "address": "http://127.0.0.1:9000",
        "writtenAt": time.time(),
        "parts": [{"name": "nginx", "pid": os.getpid()}],
    }
    instance.state.write_text(json.dumps(told))
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        other = box(tmp_path, port=free_port())
        (found,) = ports.examine(other)
    instance.close()
    at = f"this instance is at http://127.0.0.1:9000, not at http://127.0.0.1:{other.settings.port}"
    assert (Level.UNKNOWN, at) == (found.level, found.detail)
    assert "settings of `edge up`" in (found.remedy or "")


def test_a_function_whose_worker_hangs_is_found_although_the_process_is_there():
    with operated({"stuck": HELLO.format(name="stuck", word="x")}) as place:
        found = Box(Settings(home=place.home), place.tree)
        (worker,) = place.host.function("stuck")["workers"]
        assert [Level.OK] == levels(functions.examine(found))
        os.kill(worker, signal.SIGSTOP)
        try:
            assert ["stuck does not answer on its socket: not within 3 s"] == faults(functions.examine(found))
        finally:
            os.kill(worker, signal.SIGCONT)


def test_a_health_page_that_is_none_is_told_by_its_status(tmp_path, nginx_setting):
    with opened(tmp_path, nginx=nginx_setting) as door:
        (found,) = health.examine(box_of(door))
    assert (Level.UNKNOWN, True) == (found.level, "/api/health is answered 404" in found.detail)


def test_a_check_that_breaks_is_told_and_does_not_keep_the_others(tmp_path, monkeypatch):
    def broken(_: Box) -> list[Finding]:
        raise RuntimeError("no such thing")

    monkeypatch.setitem(CHECKS, "ports", broken)
    first, second = run(box(tmp_path), ("ports", "disk"))
    assert Level.UNKNOWN == first.finding.level
    assert "the check broke: RuntimeError: no such thing" == first.finding.detail
    assert "disk" == second.check


def test_a_configuration_that_is_written_and_not_in_force_is_found(tmp_path, nginx_setting):
    with opened(tmp_path, nginx=nginx_setting) as door:
        assert [Level.OK] == levels(configuration.examine(box_of(door)))
        door.nginx.configure([ECHO])  # written, and no reload
        (told,) = faults(configuration.examine(box_of(door)))
        assert "another configuration is in force" in told
        door.nginx.reload()
        assert [Level.OK] == levels(configuration.examine(box_of(door)))
        with door.nginx.configuration_path.open("a") as file:
            file.write("# by hand\n")
        (told,) = faults(configuration.examine(box_of(door)))
        assert "edited by hand" in told


def test_a_configuration_without_the_routes_of_a_function_is_found(tmp_path, nginx_setting):
    with opened(tmp_path, nginx=nginx_setting) as door:
        for manifests, expected in (([ECHO, ABSENT], Level.OK), ([ECHO], Level.FAULT)):
            found = box_of(door)
            found.__dict__["host"] = {"functions": [{"manifest": manifest} for manifest in manifests]}
            assert [Level.OK, expected] == levels(configuration.examine(found))


@pytest.mark.parametrize("origin", ["*", "$http_origin"])
def test_an_answer_that_lets_every_origin_in_is_found(tmp_path, nginx_setting, origin):
    with opened(tmp_path, nginx=nginx_setting, cors_origins=("https://shop.example",)) as door:
        assert [Level.OK] == levels(cors.examine(box_of(door)))
        text, header = door.nginx.configuration_path.read_text(), "add_header Access-Control-Allow-Origin "
        door.nginx.put(text.replace(f"{header}$cors_origin", f"{header}{origin}"))
        with pytest.raises(NginxError, match="did not take effect"):  # in force, and none of ours any more
            door.nginx.reload(timeout_s=1)
        assert any("lets every origin in" in told for told in faults(cors.examine(box_of(door))))


@pytest.fixture
def tls_door(tmp_path, nginx_setting, monkeypatch):
    """A door with a name that its certificate has, and one that it has not."""
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "shop.example.pem"))  # the authority that this machine trusts
    pair = {"tls_certificate": TLS / "shop.example.pem", "tls_key": TLS / "shop.example.key"}
    names = ("shop.example", "chat.other.example")
    with opened(tmp_path, nginx=nginx_setting, tls_port=free_port(), tls_names=names, **pair) as door:
        yield door


def test_what_is_asked_goes_through_tls_where_there_is_some(tls_door):
    assert [Level.OK] == levels(configuration.examine(box_of(tls_door)))
    assert [Level.OK] == levels(cors.examine(box_of(tls_door)))
    assert b'"x-forwarded-proto": "https"' in box_of(tls_door).ask("GET", "/api/echo").body
    doors = f"port {tls_door.settings.port} and {tls_door.settings.tls_port} is the only door"
    assert any(doors in finding.detail for finding in ports.examine(box_of(tls_door)))


def test_a_name_that_its_certificate_does_not_have_is_found(tls_door):
    accepted, refused = certificates.examine(box_of(tls_door))
    assert (Level.OK, "shop.example:") == (accepted.level, accepted.detail.split()[0])
    assert (Level.FAULT, "chat.other.example:") == (refused.level, refused.detail.split()[0])
    assert "ostname mismatch" in refused.detail


def test_a_certificate_of_nobody_and_one_that_ends_soon_are_found(tls_door, monkeypatch):
    port = tls_door.settings.tls_port
    assert Level.WARNING == certificates.judge("127.0.0.1", "shop.example", port, least_s=1e12).level
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "self-signed" in faults(certificates.examine(box_of(tls_door)))[0]
    tls_door.nginx.stop()
    assert "no handshake" in faults(certificates.examine(box_of(tls_door)))[0]


def test_keys_that_cross_the_world_in_the_clear_are_found(tmp_path):
    exposed = box(tmp_path, environment="production", host="0.0.0.0")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "nginx.conf").write_text("http { }\n")
    assert [Level.WARNING] == levels(certificates.examine(exposed))


async def with_models(tmp_path: Path, examine: Callable, change: Callable[[FaultyModels], None]) -> list[Finding]:
    async with faulty_models() as server:
        change(server)
        return await asyncio.to_thread(lambda: list(examine(box(tmp_path, ollama_url=server.url))))


@pytest.mark.parametrize("fault", [None, "a server error", "zeros", "drop"])
async def test_a_model_that_only_lists_itself_is_found(tmp_path, fault):
    found = await with_models(tmp_path, model.examine, lambda server: setattr(server, "fault", fault))
    # Which models shops use nobody can tell here.
    assert [Level.OK if fault is None else Level.FAULT, Level.UNKNOWN] == levels(found)


@pytest.mark.parametrize(("size", "expected"), [(1 << 28, Level.OK), (1 << 44, Level.FAULT)])
async def test_a_model_that_would_take_all_memory_is_found(tmp_path, size, expected):
    found = await with_models(
        tmp_path, memory.examine, lambda server: server.loaded_bytes.update({"all-minilm:latest": size})
    )
    assert expected == found[-1].level
    assert f"the model takes {size >> 20} MiB" in found[-1].detail


async def test_a_model_that_is_not_loaded_counts_by_the_size_of_its_file(tmp_path):
    found = await with_models(tmp_path, memory.examine, lambda server: setattr(server, "file_bytes", 1 << 45))
    assert Level.FAULT == found[-1].level


def test_limits_of_functions_that_the_machine_does_not_have_are_found(tmp_path):
    promising = box(tmp_path)
    promising.__dict__["host"] = {"functions": [{"manifest": {"memory_mib": 1 << 30}, "workersWanted": 2}]}
    promising.__dict__["parts"] = {"model": {"pid": None}}
    assert [Level.UNKNOWN] == levels(memory.examine(promising))[-1:]
    promising.__dict__["parts"] = {"model": {"pid": 1}}
    assert [Level.WARNING] == levels(memory.examine(promising))[-1:]


def test_state_that_other_accounts_may_read_is_found(tmp_path):
    home = box(tmp_path)
    for name in ("logs", "journal", "releases"):
        (tmp_path / name).mkdir(mode=0o700)
    assert [Level.OK] == levels(privacy.examine(home))
    (tmp_path / "journal").chmod(0o755)
    (tmp_path / ".env").write_text("EDGE_DATABASE_URL=postgresql://edge:secret@db/edge\n")
    (tmp_path / ".env").chmod(0o644)
    assert {f"other accounts may use {tmp_path / name}" for name in ("journal", ".env")} == {
        *faults(privacy.examine(home))
    }


def test_a_key_of_a_certificate_that_other_accounts_may_read_is_found(tmp_path):
    key = tmp_path / "tls.key"
    key.touch()
    key.chmod(0o640)
    assert [f"other accounts may use {key}"] == faults(privacy.examine(box(tmp_path, tls_key=key)))


def test_files_of_secrets_in_git_are_found(tmp_path):
    for name in (".env.example", ".env.production", "deploy/tls.key", "core/keys.py", "tests/data/tls/x.key"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch(mode=0o600)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert [".env.production is in git", "deploy/tls.key is in git"] == faults(privacy.examine(box(tmp_path)))


def test_a_server_for_this_machine_that_the_world_reaches_is_found(tmp_path, monkeypatch):
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        port = listener.getsockname()[1]
        monkeypatch.setitem(ports.INTERNAL, port, "Ollama")
        told = faults(ports.examine(box(tmp_path, port=free_port())))
    assert f"Ollama listens on 0.0.0.0 port {port}, for the world" in told


def test_a_file_system_without_room_is_found():
    found = disk.judge(Path("/proc"))  # it has none
    assert [found.detail] == faults([found])
    assert found.detail.startswith("0 MiB")


def test_a_database_that_does_not_answer_or_binds_nobody_is_found(tmp_path, module_database):
    settings = module_database.settings
    assert [Level.OK] == levels(database_check.examine(Box(settings, tmp_path)))
    unbound = msgspec.structs.replace(settings, database_app_url=module_database.superuser_dsn)
    assert 1 == len(faults(database_check.examine(Box(unbound, tmp_path))))
    away = box(tmp_path, database_url="postgresql://nobody@127.0.0.1:1/edge")
    assert "cannot be reached" in faults(database_check.examine(away))[0]
