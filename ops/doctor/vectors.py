"""Which shops still wait for the vectors of a new model, and is the one that they use any good?"""

from collections.abc import Iterator

import psycopg

from core.db.reembedding import InUse, Left, models_in_use, waiting
from core.knowledge.spaces import space_name
from core.models.identity import ModelIdentity
from core.retrieval.worth import USABLE_WORTH, is_poor
from ops.doctor.box import Box
from ops.doctor.finding import Finding, ok, unknown, warning

LISTED = 10
REMEDY = "`edge reembed` does what is left while searches go on; with --dry-run it tells how much that is"

POOR_REMEDY = "`edge reembed --to URL MODEL` moves the shops to another; `edge calibrate` measures one again"


def examine(box: Box) -> Iterator[Finding]:
    """Count what each shop lacks of the model that was chosen last; before any choice, of the one in use."""
    digest = space_name(box.model) if isinstance(box.model, ModelIdentity) else None
    try:
        poor = [used for used in models_in_use(box.owner_dsn) if is_poor(used.model.worth)]
        found = waiting(box.owner_dsn, digest)
    except psycopg.Error as error:
        yield unknown(f"the database does not answer: {' '.join(str(error).split())}")
        return
    yield from (warning(_tells_too_little(used), POOR_REMEDY) for used in poor)
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


def _tells_too_little(used: InUse) -> str:
    return (
        f"{used.model.name}, which {len(used.shops)} shops use, finds the answer, and its score says so,"
        f" {used.model.worth:.3f}"
        f" of the time, less than a model of any use ({USABLE_WORTH:.2f})"
    )


def _lacks(shop: Left, model: str) -> str:
    if not shop.passages:
        return f"the vectors of {model} are all there, its searches do not use them yet"
    missing = f"vectors of {model} are missing of {shop.passages} passages"
    return f"{missing}, which are found by words alone" if shop.uses else f"{missing}; its searches use another model"
