"""Does every shop hear of the visitors who ask for a human?"""

from collections.abc import Iterator

import psycopg

from core.db.contacts import Desk, desks
from core.handoff.notices import ways
from ops.doctor.box import Box
from ops.doctor.finding import Finding, ok, unknown, warning

CONNECT_TIMEOUT_S = 10
MOST_NAMED = 10
REMEDY = "`edge contact set --shop N --webhook URL`, or `--email ADDRESS` with EDGE_SMTP_URL set"


def examine(box: Box) -> Iterator[Finding]:
    """Look for shops that no notice reaches, and count who waits there."""
    try:
        with psycopg.connect(box.owner_dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as owner:
            found = desks(owner)
    except psycopg.Error as error:
        yield unknown(f"the database does not answer: {' '.join(str(error).split())}")
        return
    deaf = [one for one in found if not ways(one.contact, box.settings)]
    # A shop in development, which nobody has asked for a human yet, is no reason to worry.
    missed = deaf if box.settings.environment == "production" else [one for one in deaf if one.asked]
    if missed:
        yield warning(_told(missed), REMEDY)
    yield ok(f"{len(found) - len(deaf)} of {len(found)} shops are told of visitors who ask for a human")


def _told(deaf: list[Desk]) -> str:
    named = ", ".join(str(one.shop_id) for one in deaf[:MOST_NAMED]) + (", …" if len(deaf) > MOST_NAMED else "")
    asked, waiting = sum(one.asked for one in deaf), sum(one.waiting for one in deaf)
    return (
        f"nobody is told of visitors who ask for a human at shop {named}: {asked} asked, {waiting} wait for an answer"
    )
