"""What a configuration is built from: plain data, checked when it is made."""

import ipaddress
import re
from typing import Self

import msgspec

FUNCTION_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
ROUTE_PATH = re.compile(r"(/([A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}))+")
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})")
ORIGIN = re.compile(r"https?://[^\s/?#'\"\\;{}$]+")
MIB = 1024 * 1024


class SiteError(ValueError):
    """The data cannot become a configuration; the message names what is wrong."""


class Route(msgspec.Struct, frozen=True):
    """A route of a function; `{name}` in `path` stands for one segment. `stream` turns buffering off."""

    method: str
    path: str
    body_limit_bytes: int = MIB
    stream: bool = False

    def __post_init__(self) -> None:
        if not ROUTE_PATH.fullmatch(self.path):
            raise SiteError(f"route {self.path!r}: give a path such as /api/passages/{{id}}")
        if self.body_limit_bytes < 1:
            raise SiteError(f"route {self.path!r}: a body limit of {self.body_limit_bytes} would mean none to nginx")


class Function(msgspec.Struct, frozen=True):
    """The part of a function's manifest that nginx needs; it listens on `NAME.sock` in the site's run folder."""

    name: str
    routes: tuple[Route, ...]
    timeout_s: float = 10.0
    summary: str = ""

    def __post_init__(self) -> None:
        if not FUNCTION_NAME.fullmatch(self.name):
            raise SiteError(f"function {self.name!r}: a name is made of a-z, 0-9, _ and -")
        if self.timeout_s <= 0:
            raise SiteError(f"function {self.name!r}: a timeout of {self.timeout_s} s")

    @classmethod
    def from_manifest(cls, manifest: object) -> Self:
        """Read a manifest that arrived as plain data, other fields ignored; raises SiteError."""
        try:
            return msgspec.convert(manifest, cls)
        except msgspec.ValidationError as error:
            raise SiteError(f"a function's manifest: {error}") from error


class TlsHost(msgspec.Struct, frozen=True):
    """Names served over TLS with one certificate (full chain) and its key; paths that nginx's master can read."""

    names: tuple[str, ...]
    certificate: str
    certificate_key: str

    def __post_init__(self) -> None:
        for name in self.names:
            if not HOST_NAME.fullmatch(name):
                raise SiteError(f"server name {name!r} is not a host name")
        if not self.names:
            raise SiteError("a TLS host without a name")
        for path in (self.certificate, self.certificate_key):
            require_literal(path)


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One nginx in front of the functions.

    Without `tls_hosts` it speaks plain HTTP on `host:port` to whatever name it is called by. With them it serves these
    names on `host:https_port`, and on `host:port` answers ACME challenges below `acme_root` and redirects the rest.
    Paths may be relative: nginx is started in its run folder with `-p ./`, so that neither the length of a path nor
    what it contains, nor who may enter the folders above, matters.
    `user` and `group` are those of the workers and only taken from root. `rate_limit` is requests a minute and client.
    `connections` and `open_files` are a worker's; a request on its way counts as two of either. `nginx_version`
    decides what the syntax allows.
    """

    functions: tuple[Function, ...]
    host: str = "127.0.0.1"
    port: int = 8080
    run_dir: str = ""
    log_dir: str = "nginx-logs"
    user: str | None = None
    group: str | None = None
    rate_limit: int = 100
    exempt_networks: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    connections: int = 2048
    open_files: int | None = None
    tls_hosts: tuple[TlsHost, ...] = ()
    https_port: int = 443
    acme_root: str = "acme"
    nginx_version: tuple[int, int, int] = (1, 31, 3)

    def __post_init__(self) -> None:
        require_literal(self.log_dir)
        require_literal(self.acme_root)
        for network in (*self.exempt_networks, *self.trusted_proxies):
            _require_network(network)
        for origin in self.cors_origins:
            if not ORIGIN.fullmatch(origin):
                raise SiteError(f"CORS origin {origin!r} is not one such as https://shop.example")
        if self.rate_limit < 1:
            raise SiteError(f"a rate limit of {self.rate_limit} requests a minute lets nobody in")
        _require_single_owners(self.functions)

    def in_run_dir(self, name: str) -> str:
        """The path of a file in the run folder."""
        return f"{self.run_dir.rstrip('/')}/{name}" if self.run_dir else name


def require_literal(path: str) -> None:
    """Refuse a path in which nginx would look for variables, which it has no escape for; raises SiteError."""
    if "$" in path:
        raise SiteError(f"{path!r}: nginx reads $ as a variable here; use a path without it, such as a symlink")


def _require_network(network: str) -> None:
    try:
        ipaddress.ip_network(network)
    except ValueError as error:
        raise SiteError(f"network {network!r}: {error}") from error


def _require_single_owners(functions: tuple[Function, ...]) -> None:
    owners: dict[str, str] = {}
    for function in functions:
        for route in function.routes:
            shape = re.sub(r"\{[^}]+\}", "{}", route.path)
            if owners.setdefault(shape, function.name) != function.name:
                raise SiteError(f"{route.path} belongs to both {owners[shape]} and {function.name}")
    names = [function.name for function in functions]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise SiteError(f"two functions of one name: {', '.join(doubled)}")
