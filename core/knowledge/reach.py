"""The gateway to the model that a shop's vectors are of, be it the configured one or one of before."""

from contextlib import suppress

from pgvector import HalfVector

from core.db.models import ModelRow
from core.errors import ModelUnavailable
from core.knowledge.spaces import space_name
from core.models.gateway import Embedder, Place
from core.models.identity import Prefixes


async def reach(embedder: Embedder, row: ModelRow) -> Embedder:
    """The configured model's gateway when its vectors lie in the row's space, else one to where that was last seen.

    Raises ModelUnavailable when neither has the model: a vector of another space must not take its place.
    """
    configured = None
    with suppress(ModelUnavailable):
        configured = await embedder.identity()
        if space_name(configured) == row.digest:
            return embedder
    if row.url is None or (configured is None and row.url == embedder.url):
        raise ModelUnavailable("the model of this shop's vectors cannot be asked")
    place = Place(row.url, row.name, Prefixes(row.query_prefix, row.document_prefix))
    sibling = await embedder.sibling(place)
    if space_name(await sibling.identity()) != row.digest:
        raise ModelUnavailable("the model of this shop's vectors is no longer there")
    return sibling


async def question_vector(embedder: Embedder, row: ModelRow, text: str) -> HalfVector:
    """The question in the space of the row. Raises ModelUnavailable, ModelOverloaded, InvalidRequest."""
    embedded = await (await reach(embedder, row)).embed_query(text)
    if space_name(embedded.model) != row.digest:
        raise ModelUnavailable("the embedding model was replaced while a question was embedded")
    return embedded.vector
