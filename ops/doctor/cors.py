"""May pages of any origin read our answers?"""

from collections.abc import Iterator
from http.client import HTTPException

from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, unknown

STRANGER = "https://doctor.invalid"  # a name that nobody can have (RFC 2606)
ALLOWED = "access-control-allow-origin"


def examine(box: Box) -> Iterator[Finding]:
    """Ask each function as a page of a strange origin would, with and without a preflight."""
    paths = ["/api/health", *(f"/docs/{manifest['name']}" for manifest in box.manifests)]
    found = []
    try:
        for path in paths:
            for method, asked in (("GET", {}), ("OPTIONS", {"Access-Control-Request-Method": "POST"})):
                reply = box.ask(method, path, headers={"Origin": STRANGER, **asked})
                if (allowed := reply.headers.get(ALLOWED)) in {"*", STRANGER}:
                    found.append(f"{method} {path} lets every origin in ({allowed})")
    except (OSError, HTTPException) as error:
        yield unknown(f"nginx does not answer: {error!r}")
        return
    for detail in found:
        yield fault(detail, "name the origins in EDGE_CORS_ORIGINS, and let no function send the header itself")
    if not found:
        origins = ", ".join(box.settings.cors_origins) or "none but its own"
        yield ok(f"a page of a strange origin is not let in; those that are: {origins}")
