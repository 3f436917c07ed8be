"""`edge up` on a box that visitors reach by name: TLS from the settings alone, and a certificate that is renewed."""

import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.parts.stack import RunningStack, free_port, running_stack

PAIRS = Path(__file__).parents[1] / "data" / "tls"
NAME = "shop.example"


def put(pair: str, folder: Path) -> None:
    """Renew as certbot does: each file is replaced at once."""
    for kind in ("pem", "key"):
        shutil.copy(PAIRS / f"{pair}.{kind}", folder / f"{kind}.new")
        (folder / f"{kind}.new").replace(folder / f"now.{kind}")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    put(NAME, folder)
    return folder


@pytest.fixture(scope="module")
def secured(certificates: Path) -> Iterator[RunningStack]:
    settings = {
        "EDGE_ENVIRONMENT": "production",
        "EDGE_TLS_CERTIFICATE": str(certificates / "now.pem"),
        "EDGE_TLS_KEY": str(certificates / "now.key"),
        "EDGE_TLS_NAMES": f"{NAME},chat.shop.example",
        "EDGE_TLS_PORT": str(free_port()),
    }
    with running_stack(**settings) as stack:
        yield stack


def shake_hands(stack: RunningStack, trusted: Path) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=trusted)
    plain = socket.create_connection(("127.0.0.1", int(stack.environ["EDGE_TLS_PORT"])), timeout=10)
    try:
        return context.wrap_socket(plain, server_hostname=NAME)
    except BaseException:
        plain.close()
        raise


def is_trusted(stack: RunningStack, pair: str) -> bool:
    try:
        shake_hands(stack, PAIRS / f"{pair}.pem").close()
    except ssl.SSLCertVerificationError:
        return False
    return True


def test_its_address_is_its_first_name_and_functions_answer_there(secured: RunningStack):
    assert f"Cutting Edge is up: https://{NAME}:{secured.environ['EDGE_TLS_PORT']}" in secured.output
    with shake_hands(secured, PAIRS / f"{NAME}.pem") as connection:
        connection.sendall(f"GET /api/health HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answer.startswith("HTTP/1.1 200 ")


def test_plain_http_leads_there(secured: RunningStack):
    answer = httpx.get(f"{secured.address}/api/health", headers={"Host": NAME}, trust_env=False)
    assert 308 == answer.status_code
    assert f"https://{NAME}:{secured.environ['EDGE_TLS_PORT']}/api/health" == answer.headers["location"]


def test_a_renewed_certificate_is_in_force_without_a_restart(secured: RunningStack, certificates: Path):
    nginx = secured.pid_of("nginx")
    assert is_trusted(secured, NAME)
    put("renewed", certificates)
    deadline = time.monotonic() + 30
    while not is_trusted(secured, "renewed"):
        assert time.monotonic() < deadline, secured.output
        time.sleep(0.1)
    assert nginx == secured.pid_of("nginx")
