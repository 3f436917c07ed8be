"""Is the configuration of nginx that is written in force, and is it the one that the functions need?"""

from collections.abc import Iterator

from nginx.config import build, fingerprint
from nginx.site import SiteError
from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, unknown
from ops.stack.listener import address_of
from ops.stack.nginx import Nginx, NginxError

RELOAD = "`edge up` reloads when functions change and prints what nginx refuses; a restart puts it in force"


def examine(box: Box) -> Iterator[Finding]:
    """Compare what is written with what answers, and with what would be written now."""
    if isinstance(box.nginx, NginxError):
        yield fault(str(box.nginx), "set EDGE_NGINX to an nginx, or take the setting away")
        return
    if box.elsewhere is not None:
        detail = f"it cannot be asked: this instance is at {box.elsewhere}, not at {address_of(box.settings)}"
        yield unknown(detail, "run `edge doctor` with the settings of `edge up`")
        return
    state = box.nginx.state()
    yield ok(state.detail) if state.in_force else fault(f"not in force: {state.detail}", RELOAD)
    if box.host is not None and all(one["manifest"] is not None for one in box.functions):
        yield _fits(box, box.nginx)


def _fits(box: Box, nginx: Nginx) -> Finding:
    try:
        needed = fingerprint(build(nginx.site(box.manifests)))
        written = fingerprint(nginx.configuration_path.read_text(errors="replace"))
    except (SiteError, NginxError, OSError) as error:
        return unknown(f"what the functions need cannot be compared: {error}")
    if needed == written:
        return ok(f"it has the routes of all {len(box.manifests)} functions")
    return fault(
        "it is not what these functions and settings need",
        "`edge up` says why it does not write it; run `edge doctor` with the settings of `edge up`",
    )
