"""TLS as the settings name it: one certificate for all names, known to be usable before anything starts."""

import ssl
from pathlib import Path

from core.settings import Settings
from nginx.site import TlsHost
from ops.stack.nginx_binary import NginxError


def hosts(settings: Settings) -> tuple[TlsHost, ...]:
    """What nginx serves over TLS, nothing when no setting asks for it; raises NginxError that names the setting."""
    given = {
        "EDGE_TLS_CERTIFICATE": settings.tls_certificate,
        "EDGE_TLS_KEY": settings.tls_key,
        "EDGE_TLS_NAMES": settings.tls_names,
    }
    if not any(given.values()):
        return ()
    if missing := [name for name, value in given.items() if not value]:
        raise NginxError(f"TLS takes a certificate, its key and names: set {' and '.join(missing)} too")
    if settings.port == settings.tls_port:
        raise NginxError(f"EDGE_PORT and EDGE_TLS_PORT are both {settings.port}: plain HTTP needs a port of its own")
    assert settings.tls_certificate is not None
    assert settings.tls_key is not None
    _require_pair(settings.tls_certificate, settings.tls_key)
    return (TlsHost(settings.tls_names, str(settings.tls_certificate), str(settings.tls_key)),)


def stamp(settings: Settings) -> tuple[tuple[int, int], ...]:
    """Differs once a certificate or key was renewed; raises OSError while one of them is away."""
    files = (path.stat() for path in (settings.tls_certificate, settings.tls_key) if path is not None)
    return tuple((file.st_ino, file.st_mtime_ns) for file in files)


def _require_pair(certificate: Path, key: Path) -> None:
    for name, path in (("EDGE_TLS_CERTIFICATE", certificate), ("EDGE_TLS_KEY", key)):
        try:
            path.open("rb").close()
        except OSError as error:
            raise NginxError(f"{name}={path} cannot be read: {error.strerror}") from error
    try:
        # An empty password rather than a question on the terminal: nginx has nobody to ask.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        raise NginxError(
            f"EDGE_TLS_CERTIFICATE={certificate} and EDGE_TLS_KEY={key} are not a certificate and its key, "
            f"in PEM and without a password: {reason}"
        ) from error
