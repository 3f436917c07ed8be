"""Whether an address can be listened on, and if not, what an operator does about it."""

import errno
import ipaddress
import socket

import psutil

from core.settings import Settings
from nginx.servers import HTTPS_PORT


class ListenError(Exception):
    """The address cannot be listened on; the message says what to do."""


def require_free_ports(settings: Settings) -> None:
    """See that nginx can listen where the settings want it to; raises ListenError."""
    require_listenable(settings.host, settings.port)
    if settings.tls_names:
        require_listenable(settings.host, settings.tls_port, "EDGE_TLS_PORT")


def require_listenable(host: str, port: int, setting: str = "EDGE_PORT") -> None:
    """Bind every address of `host` once and let go; raises ListenError that names the port's setting."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ListenError(f"EDGE_HOST={host} is neither an address nor a name of this machine: {error}") from error
    for family, _, _, _, address in found:
        try:
            _bind(family, address)
        except OSError as error:
            raise ListenError(_advice(error, host, port, setting)) from error


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def address_of(settings: Settings) -> str:
    """The base URL that visitors call."""
    if settings.tls_names:
        port = "" if settings.tls_port == HTTPS_PORT else f":{settings.tls_port}"
        return f"https://{settings.tls_names[0]}{port}"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def reachable(host: str) -> str:
    """The address at which this machine reaches a server that listens on `host`."""
    bare = host.removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return bare
    if not address.is_unspecified:
        return bare
    return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - the protocol's number


def _bind(family: int, address: object) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As nginx does: connections that linger after an end do not hold the port, another listener does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(address)  # type: ignore[arg-type]


def _advice(error: OSError, host: str, port: int, setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use{_holder(port)}: stop that program or set {setting} to a free port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"EDGE_HOST={host} is not an address of this machine: `ip address` lists those it has"
    if error.errno == errno.EACCES:
        return f"this user may not listen on port {port}: set {setting} to one above 1023"
    return f"cannot listen on port {port} of {host}: {error.strerror}"


def _holder(port: int) -> str:
    """Names the program that listens on `port`, where this user may see it."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.AccessDenied, OSError):
        return ""
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        if listens and connection.pid:
            try:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
            except psutil.Error:
                break
    return ""
