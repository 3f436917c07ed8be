"""Fixtures: a real nginx in front of a small real function, for each nginx that this machine has."""

import contextlib
import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.settings import Settings
from ops.stack.nginx import Nginx
from ops.stack.nginx_binary import SYSTEM_FOLDERS
from tests.parts.upstream import Upstream

BODY_LIMIT_BYTES = 2048
ECHO = {
    "name": "echo",
    "summary": "says what reached it",
    "timeout_s": 0.2,
    "concurrency": 8,
    "memory_mib": 64,
    "routes": [
        {"method": "GET", "path": "/api/echo", "body_limit_bytes": BODY_LIMIT_BYTES},
        {"method": "POST", "path": "/api/echo", "body_limit_bytes": BODY_LIMIT_BYTES},
        {"method": "POST", "path": "/api/batch", "body_limit_bytes": 8 << 20},
        {"method": "GET", "path": "/api/items/{id}", "body_limit_bytes": 1 << 20},
        {"method": "PUT", "path": "/api/items/{id}", "body_limit_bytes": 1 << 20},
        {"method": "GET", "path": "/api/hold", "body_limit_bytes": 1 << 20},
        {"method": "GET", "path": "/api/cut", "body_limit_bytes": 1 << 20},
        {"method": "GET", "path": "/api/fails", "body_limit_bytes": 1 << 20},
        {"method": "GET", "path": "/api/stream", "body_limit_bytes": 1 << 20},
        {"method": "GET", "path": "/api/live", "body_limit_bytes": 1 << 20, "stream": True},
    ],
}
ABSENT = {"name": "absent", "routes": [{"method": "GET", "path": "/api/absent"}]}


def installed() -> dict[str, str | None]:
    """The wheel's nginx, and the distribution's where it is installed; values as EDGE_NGINX takes them."""
    system = shutil.which("nginx") or shutil.which("nginx", path=":".join(SYSTEM_FOLDERS))
    return {"wheel": None} | ({"system": system} if system else {})


def free_port(host: str = "127.0.0.1") -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class Door:
    """nginx over `folder/run`, the function `echo` behind it, and a client in front."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        settings.setdefault("port", free_port(settings.get("host", "127.0.0.1")))
        self.settings = Settings(home=folder, **settings)
        self.run_dir, self.log_dir = folder / "run", folder / "logs"
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.nginx = Nginx(self.settings, self.run_dir, self.log_dir)
        self.echo = self.upstream("echo")

    def upstream(self, name: str, file: str | None = None) -> Upstream:
        account = self.nginx.account
        return Upstream(self.run_dir, name, file=file, gid=account.gid if account else None)

    def open(self) -> None:
        self.nginx.configure([ECHO, ABSENT])
        self.nginx.start()
        self.nginx.wait_ready()
        host = self.settings.host
        address = f"[{host}]" if ":" in host else host
        self.client = httpx.Client(base_url=f"http://{address}:{self.settings.port}", timeout=20, trust_env=False)

    def close(self) -> None:
        if hasattr(self, "client"):
            self.client.close()
        self.echo.release.set()
        self.nginx.stop(timeout_s=2.0)
        self.echo.close()

    def raw(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer to these very bytes."""
        with socket.create_connection((self.settings.host, self.settings.port), timeout=20) as connection:
            connection.sendall(request)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers, body

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.log_dir / "access.json").read_text().splitlines()]

    def logged(self, key: str) -> dict[str, Any]:
        """The line of the request with this id, which nginx writes after it has answered."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if lines := [line for line in self.log() if line["id"] == key]:
                return lines[0]
            time.sleep(0.01)
        raise AssertionError(f"no line of {key} in {self.log_dir / 'access.json'}")


@contextlib.contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Door]:
    door = Door(folder, **settings)
    try:
        door.open()
        yield door
    finally:
        door.close()


@pytest.fixture(scope="session", params=list(installed()))
def nginx_setting(request) -> str | None:
    """What EDGE_NGINX holds: each nginx of this machine in turn."""
    return installed()[request.param]


@pytest.fixture(scope="module")
def door(tmp_path_factory, nginx_setting) -> Iterator[Door]:
    """One that the tests of a module share: loopback is exempt, as in development."""
    folder = tmp_path_factory.mktemp("door")
    origins = ("https://shop.example", "http://localhost:5173")
    with opened(folder, nginx=nginx_setting, cors_origins=origins) as shared:
        yield shared


@pytest.fixture
def strict_door(tmp_path, nginx_setting) -> Iterator[Door]:
    """Nobody is exempt, five requests a minute, and the test says in X-Forwarded-For who it is."""
    settings = {"rate_limit": 5, "rate_limit_exempt": (), "trusted_proxies": ("127.0.0.0/8",)}
    with opened(tmp_path, nginx=nginx_setting, **settings) as one:
        yield one
