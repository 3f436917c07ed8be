"""Which shops still wait for the vectors of a new model?"""

from collections.abc import Iterator

import psycopg

from core.db.reembedding import Left, waiting
from core.knowledge.spaces import space_name
from core.models.identity import ModelIdentity
from ops.doctor.box import Box
from ops.doctor.finding import Finding, ok, unknown, warning

LISTED = 10
REMEDY = "`edge reembed` does what is left while searches go on; with --dry-run it tells how much that is"


def examine(box: Box) -> Iterator[Finding]:
    """Count what each shop lacks of the model that was chosen last; before any choice, of the one in use."""
    digest = space_name(box.model) if isinstance(box.model, ModelIdentity) else None
    try:
        found = waiting(box.owner_dsn, digest)
    except psycopg.Error as error:
        yield unknown(f"the database does not answer: {' '.join(str(error).split())}")
        return
    if found is None:
        yield unknown("the database knows no model that shops could wait for")
        return
    left = sorted(found.left, key=lambda shop: (-shop.passages, shop.shop_id))
    for shop in left[:LISTED]:
        yield warning(f"shop {shop.shop_id}: {_lacks(shop, found.model)}", REMEDY)
    if len(left) > LISTED:
        yield warning(f"{len(left) - LISTED} more shops wait for {found.model}", REMEDY)
    if not left:
        yield ok(f"no shop waits for vectors of {found.model}")


def _lacks(shop: Left, model: str) -> str:
    if not shop.passages:
        return f"the vectors of {model} are all there, its searches do not use them yet"
    missing = f"vectors of {model} are missing of {shop.passages} passages"
    return f"{missing}, which are found by words alone" if shop.uses else f"{missing}; its searches use another model"
