"""The variant for a box that visitors reach by name: redirect, certificates, strangers."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from core.settings import Settings
from nginx.config import fingerprint
from nginx.site import SiteError
from ops.stack import tls
from ops.stack.listener import ListenError, require_free_ports
from ops.stack.nginx import NginxError
from tests.parts.proxy import ABSENT, ECHO, Door, free_port

# Pairs made for tests alone: `openssl req -x509 -newkey ec … -days 36500`; locked.key is the first key with a password.
PAIR = Path(__file__).parents[1] / "data" / "tls"
CERTIFICATE, KEY = (PAIR / f"shop.example.{kind}" for kind in ("pem", "key"))
NAMES = ("shop.example", "chat.shop.example")
TLS = {"tls_certificate": CERTIFICATE, "tls_key": KEY, "tls_names": NAMES}


@pytest.fixture(scope="module")
def tls_door(tmp_path_factory, nginx_setting) -> Iterator[Door]:
    door = Door(tmp_path_factory.mktemp("tls"), nginx=nginx_setting, tls_port=free_port(), **TLS)
    door.tls_port = door.settings.tls_port
    challenges = door.run_dir / "acme" / ".well-known" / "acme-challenge"
    challenges.mkdir(parents=True)
    (challenges / "token-1").write_text("answer-1")
    try:
        door.nginx.configure([ECHO, ABSENT])
        door.nginx.start()
        door.nginx.wait_ready()
        yield door
    finally:
        door.close()


def shake_hands(door, name, alpn="http/1.1"):
    context = ssl.create_default_context(cafile=CERTIFICATE)
    context.set_alpn_protocols([alpn])
    plain = socket.create_connection(("127.0.0.1", door.tls_port), timeout=10)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def ask(door, name, target, host=None):
    with shake_hands(door, name) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host or name}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), head, body


def plain(door, target, host):
    return httpx.get(f"http://127.0.0.1:{door.settings.port}{target}", headers={"Host": host}, trust_env=False)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_answers_under_its_certificate(tls_door, name):
    status, head, body = ask(tls_door, name, "/api/echo")
    assert status == 200
    assert "Strict-Transport-Security: max-age=" in head
    assert '"x-forwarded-proto": "https"' in body


def test_http2_is_offered(tls_door):
    with shake_hands(tls_door, NAMES[0], "h2") as connection:
        assert connection.selected_alpn_protocol() == "h2"


def test_old_protocols_are_refused(tls_door):
    with shake_hands(tls_door, NAMES[0]) as connection:
        assert connection.version() in {"TLSv1.2", "TLSv1.3"}


def test_a_name_without_a_certificate_gets_no_handshake(tls_door):
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        shake_hands(tls_door, "evil.example")


def test_a_foreign_name_over_a_connection_of_ours_is_misdirected(tls_door):
    status, head, body = ask(tls_door, NAMES[0], "/api/echo", host="evil.example")
    assert status == 421
    assert "application/problem+json" in head
    assert "misdirected-request" in body


def test_plain_http_is_sent_to_tls_with_its_method(tls_door):
    answer = plain(tls_door, "/api/echo?a=1", "shop.example")
    assert answer.status_code == 308
    assert answer.headers["location"] == f"https://shop.example:{tls_door.tls_port}/api/echo?a=1"


def test_plain_http_for_a_strange_name_is_not_found(tls_door):
    answer = plain(tls_door, "/api/echo", "evil.example")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_challenges_of_the_certificate_authority_are_answered_without_tls(tls_door):
    assert plain(tls_door, "/.well-known/acme-challenge/token-1", "chat.shop.example").text == "answer-1"
    missing = plain(tls_door, "/.well-known/acme-challenge/token-2", "chat.shop.example")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"


def test_plain_http_on_the_tls_port_is_a_problem(tls_door):
    answer = httpx.get(f"http://127.0.0.1:{tls_door.tls_port}/", trust_env=False)
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:problem-type:cutting-edge:invalid-request"


@pytest.mark.parametrize("host", ["127.0.0.1", "shop.example"])
def test_the_configuration_in_force_is_told_whatever_name_it_is_asked_by(tls_door, host):
    assert plain(tls_door, "/-/configuration", host).text == fingerprint(tls_door.nginx.configuration_path.read_text())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tls_certificate": None}, "set EDGE_TLS_CERTIFICATE too"),
        ({"tls_key": None, "tls_names": ()}, "set EDGE_TLS_KEY and EDGE_TLS_NAMES too"),
        (
            {"tls_certificate": Path("/none/such.pem")},
            "EDGE_TLS_CERTIFICATE=/none/such.pem cannot be read: No such file",
        ),
        ({"tls_key": Path("/none/such.key")}, "EDGE_TLS_KEY=/none/such.key cannot be read: No such file"),
        ({"tls_key": PAIR / "renewed.key"}, "are not a certificate and its key, .*: key values mismatch"),
        ({"tls_certificate": Path(__file__)}, "are not a certificate and its key"),
        ({"tls_port": 8080}, "EDGE_PORT and EDGE_TLS_PORT are both 8080"),
    ],
)
def test_tls_that_cannot_work_is_explained_before_anything_starts(changes, said):
    with pytest.raises(NginxError, match=said):
        tls.hosts(Settings(**{**TLS, **changes}))


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it():
    with pytest.raises(NginxError, match="without a password"):
        tls.hosts(Settings(**{**TLS, "tls_key": PAIR / "locked.key"}))


def test_a_name_that_is_none_is_named():
    with pytest.raises(SiteError, match="server name 'shop example'"):
        tls.hosts(Settings(**{**TLS, "tls_names": ("shop example",)}))


def test_a_port_for_tls_that_is_taken_is_named_with_its_setting():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ListenError, match="EDGE_TLS_PORT"):
            require_free_ports(Settings(port=free_port(), tls_port=other.getsockname()[1], **TLS))
