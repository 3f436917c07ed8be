"""Variables: what the rest of the configuration knows of a request, its client and its origin."""

from nginx.directives import block, directive, switch
from nginx.locations import route_pattern
from nginx.site import Site

LOOPBACK = ("127.0.0.0/8", "::1/128")
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
# The offline API page: its own script files, its own styles and those that its scripts set, images that its style
# sheet embeds.
DOCS_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'"
)
READ = ("GET", "HEAD")
ALLOWED_METHODS = "GET, POST, PUT, DELETE"
CALLERS_HEADERS = (
    "accept",
    "authorization",
    "content_type",
    "cookie",
    "idempotency_key",
    "last_event_id",
    "origin",
    "referer",
    "user_agent",
    "x_request_id",
)
# A header past this size would let a log line grow without bound; the pattern also keeps JSON and log lines whole.
REQUEST_ID = "~^[A-Za-z0-9_-]{8,64}$"

# Whom a shop looked up is not the log's to remember.
PERSON = (r"~^(?<people>/api/conversations/user/)", "${people}-")


def variables(site: Site) -> list[str]:
    """All maps of the http block."""
    return [
        *switch("$http_x_request_id", "$request_key", (("default", "$request_id"), (REQUEST_ID, "$http_x_request_id"))),
        *switch(
            "$request_uri", "$request_path", (("default", "$request_uri"), PERSON, (r"~^(?<path>[^?]*)\?", "$path"))
        ),
        # nginx writes 000 and 009 where it has no status, which JSON does not take for a number.
        *switch("$status", "$status_number", (("default", "0"), ("~^0*(?<number>[0-9]+)$", "$number"))),
        *strays(),
        *functions(site),
        *methods(site),
        *clients(site),
        *origins(site),
        *switch("$uri", "$content_policy", (("default", API_POLICY), ("~^/docs(/|$)", DOCS_POLICY))),
    ]


def strays() -> list[str]:
    """`$stray`: 1 for an address or a header that callers send with bytes that have no place in it."""
    headers = "".join(f"$http_{name}" for name in CALLERS_HEADERS)
    return [
        *switch(headers, "$stray_header", (("default", "0"), (r"~[\x00-\x08\x0a-\x1f\x7f]", "1"))),
        *switch("$request_uri", "$stray", (("default", "$stray_header"), ('~[^\\x21-\\x7e]|["<>`]', "1"))),
    ]


def functions(site: Site) -> list[str]:
    """`$function`: whose route was asked for, known also for requests that are refused before they reach it."""
    cases = [("default", "-")]
    for function in site.functions:
        cases += [(f"~^/(docs|metrics)/{function.name}(/|$)", function.name)]
        cases += [(f"~{route_pattern(path)}", function.name) for path in sorted({r.path for r in function.routes})]
    return switch("$request_path", "$function", cases)


def methods(site: Site) -> list[str]:
    """`$allowed`: what an address takes, for the 405 of nginx itself (RFC 9110, 15.5.6); functions send their own."""
    taken: dict[str, set[str]] = {}
    for function in site.functions:
        for route in function.routes:
            taken.setdefault(route.path, {"OPTIONS"}).update({route.method, *READ * (route.method == "GET")})
    cases = [(f"~{route_pattern(path)}", ", ".join(sorted(found))) for path, found in sorted(taken.items())]
    return switch("$request_path", "$allowed", [("default", ", ".join(READ)), *cases])


def clients(site: Site) -> list[str]:
    """`$rate_key`: empty for those without a limit, an IPv4 address, or the /64 that an IPv6 client has to itself.

    `$operator` is 1 for those who may read metrics: this machine and the exempt networks.
    """
    spared = dict.fromkeys(site.exempt_networks)
    operators = dict.fromkeys((*LOOPBACK, *site.exempt_networks))
    return [
        *block(("geo", "$exempt"), [directive("default", 0), *(directive(network, 1) for network in spared)]),
        *block(("geo", "$operator"), [directive("default", 0), *(directive(network, 1) for network in operators)]),
        *switch(
            "$binary_remote_addr",
            "$client_network",
            (
                ("default", "$binary_remote_addr"),
                (r"~(?s)^\x00{10}\xff\xff(?<mapped>.{4})$", "$mapped"),
                ("~(?s)^(?<network>.{8}).{8}$", "$network"),
            ),
        ),
        *switch("$exempt", "$rate_key", (("default", "$client_network"), ("1", ""))),
    ]


def origins(site: Site) -> list[str]:
    """`$cors_origin`, empty unless configured, and what a preflight is told; an empty header is not sent."""
    if not site.cors_origins:
        return []
    return [
        *switch("$http_origin", "$cors_origin", (("default", ""), *((o, "$http_origin") for o in site.cors_origins))),
        *switch(
            "$request_method:$cors_origin:$http_access_control_request_method",
            "$preflight_methods",
            (("default", ""), ("~^OPTIONS:.+:[A-Z]+$", ALLOWED_METHODS)),
        ),
        *switch(
            "$preflight_methods",
            "$preflight_headers",
            (("default", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-ID"), ("", "")),
        ),
        *switch("$preflight_methods", "$preflight_age", (("default", "600"), ("", ""))),
    ]
