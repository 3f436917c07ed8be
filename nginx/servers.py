"""Server blocks: one for plain HTTP in development; redirect, TLS hosts and a refusal of other names in production."""

import ipaddress

from nginx.directives import block, directive
from nginx.index import index_locations
from nginx.locations import function_locations
from nginx.problems import error_pages, problem_locations
from nginx.site import Site, TlsHost

BACKLOG = 4096
STATE_PATH = "/-/configuration"
# Headers that nginx sends itself; a function's own would stand there twice.
OWNED_HEADERS = (
    "X-Request-ID",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Referrer-Policy",
    "Content-Security-Policy",
)
HTTPS_PORT = 443
# `http2 on` replaced a flag of `listen`.
HTTP2_DIRECTIVE = (1, 25, 1)
ONE_YEAR_S = 31_536_000


def servers(site: Site, fingerprint: str) -> list[str]:
    """All server blocks of the site; `fingerprint` is what `STATE_PATH` answers."""
    if not site.tls_hosts:
        return block(
            ("server",), [_listen(site, site.port, first=True), *_shared(site, fingerprint), *_application(site)]
        )
    lines = [*_redirects(site, fingerprint), *_strangers(site, fingerprint)]
    for host in site.tls_hosts:
        lines += _tls_server(site, host, fingerprint)
    return lines


def listen_address(host: str, port: int) -> str:
    """`host:port` as nginx takes it, an IPv6 address in brackets."""
    bare = host.removeprefix("[").removesuffix("]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


def _listen(site: Site, port: int, *flags: str, first: bool = False) -> str:
    """What belongs to the socket stands in the first of the servers that listen on it, and nowhere else."""
    options = [f"backlog={BACKLOG}"] if first else []
    if first and _is_any_ipv6(site.host):
        options += ["ipv6only=off"]  # `::` means every address of both families, as it does to most servers
    return directive("listen", listen_address(site.host, port), *flags, *options)


def _is_any_ipv6(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return address.version == 6 and address.is_unspecified  # noqa: PLR2004 - the protocol's number


def _headers(site: Site, *, tls: bool = False) -> list[str]:
    lines = [
        directive("add_header", "X-Request-ID", "$request_key", "always"),
        directive("add_header", "X-Content-Type-Options", "nosniff", "always"),
        directive("add_header", "X-Frame-Options", "DENY", "always"),
        directive("add_header", "Referrer-Policy", "strict-origin-when-cross-origin", "always"),
        directive("add_header", "Content-Security-Policy", "$content_policy", "always"),
    ]
    if tls:
        lines += [directive("add_header", "Strict-Transport-Security", f"max-age={ONE_YEAR_S}", "always")]
    if site.cors_origins:
        lines += [
            directive("add_header", "Vary", "Origin", "always"),
            directive("add_header", "Access-Control-Allow-Origin", "$cors_origin", "always"),
            directive("add_header", "Access-Control-Expose-Headers", "X-Request-ID, Retry-After", "always"),
            directive("add_header", "Access-Control-Allow-Methods", "$preflight_methods", "always"),
            directive("add_header", "Access-Control-Allow-Headers", "$preflight_headers", "always"),
            directive("add_header", "Access-Control-Max-Age", "$preflight_age", "always"),
        ]
    return lines


def _shared(site: Site, fingerprint: str, *, tls: bool = False) -> list[str]:
    headers = _headers(site, tls=tls)
    state = ["access_log off;", "default_type text/plain;", directive("return", 200, fingerprint)]
    return [
        *headers,
        *error_pages(),
        *problem_locations(headers, site.rate_limit),
        *block(("location", "=", STATE_PATH), state),
    ]


def _application(site: Site) -> list[str]:
    lines = [directive("proxy_hide_header", header) for header in OWNED_HEADERS]
    if site.cors_origins:
        # Before any location: a preflight asks nginx alone, and no function sees it.
        lines += ["if ($preflight_methods) {", "    return 204;", "}"]
    for function in site.functions:
        lines += function_locations(function)
    return [*lines, *index_locations(site.functions), *block(("location", "/"), ["return 404;"])]


def _redirects(site: Site, fingerprint: str) -> list[str]:
    names = [name for host in site.tls_hosts for name in host.names]
    port = "" if site.https_port == HTTPS_PORT else f":{site.https_port}"
    challenge = [directive("root", site.acme_root), "default_type text/plain;"]
    moved = [directive("return", 308, f"https://$host{port}$request_uri")]
    known = [
        _listen(site, site.port),
        directive("server_name", *names),
        *_shared(site, fingerprint),
        *block(("location", "^~", "/.well-known/acme-challenge/"), challenge),
        *block(("location", "/"), moved),
    ]
    unknown = [
        _listen(site, site.port, "default_server", first=True),
        *_shared(site, fingerprint),
        *block(("location", "/"), ["return 404;"]),
    ]
    return [*block(("server",), unknown), *block(("server",), known)]


def _strangers(site: Site, fingerprint: str) -> list[str]:
    """Names that no certificate covers: the handshake is refused, rather than answered with another's certificate.

    A request for one can still come over a connection that was opened for a name of ours.
    """
    listen = _listen(site, site.https_port, "ssl", "default_server", first=True)
    misdirected = block(("location", "/"), ["return 421;"])
    return block(("server",), [listen, "ssl_reject_handshake on;", *_shared(site, fingerprint), *misdirected])


def _tls_server(site: Site, host: TlsHost, fingerprint: str) -> list[str]:
    switch = site.nginx_version >= HTTP2_DIRECTIVE
    flags = ("ssl",) if switch else ("ssl", "http2")
    return block(
        ("server",),
        [
            _listen(site, site.https_port, *flags),
            *(["http2 on;"] if switch else []),
            directive("server_name", *host.names),
            directive("ssl_certificate", host.certificate),
            directive("ssl_certificate_key", host.certificate_key),
            *_shared(site, fingerprint, tls=True),
            *_application(site),
        ],
    )
