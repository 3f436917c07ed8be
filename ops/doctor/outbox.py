"""Is what visitors say kept?"""

from collections.abc import Iterator

from core.errors import OutboxUnavailable
from core.outbox.store import MIB, Store, lies_in
from ops.doctor.box import Box
from ops.doctor.finding import Finding, fault, ok, warning

NEARLY_FULL = 0.8
NOT_KEPT = "what is answered now is not kept"
ROOM = (
    "the database must be there to take it (`edge doctor --check database`); EDGE_OUTBOX_SIZE_MIB is how much may wait"
)
DEAD = "`edge outbox list --dead` says why; `edge outbox retry --all` tries them again"


def examine(box: Box) -> Iterator[Finding]:
    """Look how much waits to be stored or delivered, and whether more would be taken."""
    folder = box.settings.home / "outbox"
    if not lies_in(folder):
        yield ok("nothing was kept yet")
        return
    store = Store(folder, box.settings.outbox_size_mib * MIB)
    try:
        fill, (waiting, dead) = store.fill(), store.counts()
    except OutboxUnavailable as error:
        yield fault(
            f"{folder} cannot be read: {error.__cause__ or error}; {NOT_KEPT}", "look at the folder and its disk"
        )
        return
    finally:
        store.close()
    told = f"{waiting} events wait, {fill:.0%} of what may"
    if fill >= 1:
        yield fault(f"{told}: {NOT_KEPT}", ROOM)
    elif fill >= NEARLY_FULL:
        yield warning(told, ROOM)
    else:
        yield ok(told)
    if dead:
        yield warning(f"{dead} events were given up", DEAD)
