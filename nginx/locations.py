"""Functions as upstreams and locations."""

import re
from collections.abc import Iterable

from nginx.directives import block, directive
from nginx.site import Function, Route, Site

# nginx waits a little longer than the function's own timeout, whose answer says more.
GRACE_MS = 1000
# Between two events of a stream; a function sends a heartbeat more often than that.
STREAM_SILENCE = "75s"
# From here on nginx keeps connections to upstreams unless told not to, even those it asked to be closed; a kept one
# outlives a flip. Older ones refuse `keepalive 0`.
KEEPALIVE_BY_DEFAULT = (1, 29, 7)
NO_BODY_BYTES = 1024
# What is no HTTP (RFC 3986, 2 and RFC 9110, 5.5), Granian would refuse with an empty answer: `$stray` of nginx.maps.
STRAY_BYTES = ("if ($stray) {", "    return 400;", "}")
PLACEHOLDER = re.compile(r"\{[^}]+\}")


def upstreams(site: Site) -> list[str]:
    """One upstream a function: its socket, a symlink that a deploy flips and that each connection opens anew."""
    lines: list[str] = []
    single_use = ["keepalive 0;"] if site.nginx_version >= KEEPALIVE_BY_DEFAULT else []
    for function in site.functions:
        socket = site.in_run_dir(f"{function.name}.sock")
        server = directive("server", f"unix:{socket}", "max_fails=0")
        lines += block(("upstream", upstream_name(function)), [server, *single_use])
    return lines


def upstream_name(function: Function) -> str:
    """A name that can't be a host of this machine's resolver."""
    return f"function_{function.name}"


def function_locations(function: Function) -> list[str]:
    """The function's routes, its API page and its metrics; methods are the function's own to judge."""
    lines: list[str] = []
    for path in sorted({route.path for route in function.routes}):
        routes = [route for route in function.routes if route.path == path]
        lines += block(location_head(path), _proxy(function, routes))
    page, metrics = f"/docs/{function.name}", f"/metrics/{function.name}"
    lines += block(("location", "=", page), _proxy(function))
    lines += block(("location", "^~", f"{page}/"), _proxy(function))
    # Refused before the rate limit counts it, as any address that does not exist.
    lines += block(("location", "=", metrics), ["if ($operator = 0) {", "    return 404;", "}", *_proxy(function)])
    return lines


def location_head(path: str) -> tuple[str, ...]:
    """`= /path` for a fixed path, a regex for one with `{name}` segments."""
    if PLACEHOLDER.search(path):
        return ("location", "~", route_pattern(path))
    return ("location", "=", path)


def route_pattern(path: str) -> str:
    """The regular expression of a route's path: `{name}` is one segment that is not empty."""
    pieces = (re.escape(piece) for piece in PLACEHOLDER.split(path))
    return "^" + "[^/]+".join(pieces) + "$"


def _proxy(function: Function, routes: Iterable[Route] = ()) -> list[str]:
    limit_bytes = max((route.body_limit_bytes for route in routes), default=NO_BODY_BYTES)
    timeout = f"{round(function.timeout_s * 1000) + GRACE_MS}ms"
    lines = [directive("client_max_body_size", limit_bytes)]
    if any(route.stream for route in routes):
        lines += ["proxy_buffering off;", "gzip off;", directive("proxy_read_timeout", STREAM_SILENCE)]
    else:
        lines += [directive("proxy_read_timeout", timeout)]
    return [*lines, directive("proxy_pass", f"http://{upstream_name(function)}"), *STRAY_BYTES]
