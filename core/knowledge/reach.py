"""The gateway to the model that a shop's vectors are of, be it the configured one or another."""

import asyncio
from contextlib import suppress
from typing import NamedTuple

from core.db.models import ModelRow, used_models
from core.db.pool import Database
from core.errors import DatabaseUnavailable, ModelReplaced, ModelUnavailable
from core.knowledge.spaces import space_name
from core.models.gateway import Embedder, Place
from core.models.identity import ModelIdentity, Prefixes

USED_WITHIN_S = 1.0  # a database that hangs is no fault of the models


class Reached(NamedTuple):
    """A gateway, and the model that it was seen to have."""

    embedder: Embedder
    model: ModelIdentity


async def reach(embedder: Embedder, row: ModelRow) -> Reached:
    """`embedder` when its vectors lie in the row's space, else the gateway to where that model was last seen.

    Raises ModelUnavailable when neither has it, ModelReplaced when another model is in its place: a vector of another
    space must not stand in.
    """
    configured = None
    with suppress(ModelUnavailable):
        configured = await embedder.identity()
        if is_of(row, configured):
            return Reached(embedder, configured)
        if space_name(configured) == row.digest:
            embedder.doubt()
    if (place := place_of(row)) is None or place == embedder.place:
        if configured is None:
            raise ModelUnavailable("the model of this shop's passages does not answer")
        raise ModelReplaced("the model of this shop's passages is not there any more")
    sibling = await embedder.sibling(place)
    if not is_of(row, model := await sibling.identity()):
        raise ModelReplaced("the model of this shop's passages is not there any more")
    return Reached(sibling, model)


def is_of(row: ModelRow, model: ModelIdentity) -> bool:
    """Whether what this model makes lies in the space of the row: one digest has one length, whatever a server says."""
    return space_name(model) == row.digest and model.dimensions == row.dimensions


async def probe_used(database: Database, embedder: Embedder) -> None:
    """Ask every model that a shop uses for a vector, the configured one while none does. Raises ModelUnavailable."""
    used: list[ModelRow] = []
    with suppress(DatabaseUnavailable, TimeoutError):
        async with asyncio.timeout(USED_WITHIN_S):
            used = await used_models(database)
    for gateway in [(await reach(embedder, row)).embedder for row in used] or [embedder]:
        await gateway.probe()


def place_of(row: ModelRow) -> Place | None:
    """Where the row's model was last seen; None when that is not known."""
    if row.url is None:
        return None
    return Place(row.url, row.name, Prefixes(row.query_prefix, row.document_prefix))
