"""Does each name that nginx serves over TLS have a certificate that a visitor accepts?"""

import re
import socket
import ssl
import time
from collections.abc import Iterator

from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, unknown, warning
from ops.slo import load
from ops.stack.listener import reachable
from ops.stack.nginx import NginxError

DAY_S = 86400
TIMEOUT_S = 5.0
SERVER = re.compile(r"^    server \{\n(.*?)^    \}", re.MULTILINE | re.DOTALL)
NAMES = re.compile(r"^\s*server_name ([^;]+);", re.MULTILINE)
PORT = re.compile(r"^\s*listen (?:[^ ;]*:)?(\d+) ssl", re.MULTILINE)


def examine(box: Box) -> Iterator[Finding]:
    """Shake hands under each name of the written configuration, with the authorities that this machine trusts."""
    text = _written(box)
    if text is None:
        yield unknown("no configuration of nginx is written")
        return
    served = list(tls_names(text))
    if not served:
        yield _plain(box)
    least_s = load().alerts.certificate_expires.limit
    for name, port in served:
        yield judge(reachable(box.settings.host), name, port, least_s)


def tls_names(text: str) -> Iterator[tuple[str, int]]:
    """Each name that a configuration serves under a certificate, with its port."""
    for (body,) in (match.groups() for match in SERVER.finditer(text)):
        names, port = NAMES.search(body), PORT.search(body)
        if "ssl_certificate " in body and names and port:
            yield from ((name, int(port[1])) for name in names[1].split())


def judge(address: str, name: str, port: int, least_s: float) -> Finding:
    """What a browser would say of the certificate under this name, and whether it will for `least_s` more."""
    renew = "renew the certificate, or take the name from nginx"
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((address, port), TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            certificate = connection.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return fault(f"{name}: {error.verify_message}", renew)
    except OSError as error:
        return fault(f"{name}: no handshake at port {port}: {error}", renew)
    left_s = ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()
    if left_s < least_s:
        return warning(f"{name}: the certificate ends in {left_s / DAY_S:.0f} days", renew)
    return ok(f"{name}: the certificate is accepted and ends in {left_s / DAY_S:.0f} days")


def _plain(box: Box) -> Finding:
    if box.settings.environment == "production" and not box.settings.host.startswith(("127.", "::1", "localhost")):
        return warning(
            f"{box.settings.host} port {box.settings.port} speaks plain HTTP: keys can be read on the way",
            "set EDGE_TLS_NAMES with a certificate, or put a proxy with one before it and EDGE_HOST on loopback",
        )
    return ok("no name is served over TLS here")


def _written(box: Box) -> str | None:
    if isinstance(box.nginx, NginxError) or not box.nginx.configuration_path.is_file():
        return None
    return box.nginx.configuration_path.read_text(errors="replace")
