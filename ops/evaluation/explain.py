"""Why a query got what it got: the parts of each score, and where the right passage came."""

from collections.abc import Sequence

import msgspec

from core.db.models import ModelRow
from core.db.pool import Database
from core.db.search import search
from core.db.shops import ShopReader
from core.db.words import shared_words
from core.models.gateway import Embedder
from core.models.text import normalise
from core.retrieval.naming import without_names
from ops.evaluation.folder import Query
from ops.evaluation.load import Shops

SHOWN = 3
DEEP = 200
EXCERPT = 160


class Reason(msgspec.Struct, frozen=True, rename="camel"):
    """One passage: its place, the parts of its score, and the words that it shares with the question."""

    document: str
    rank: int
    relevant: bool
    score: float
    cosine: float | None
    coverage: float
    codes: float
    words: list[str]
    text: str


class Explained(msgspec.Struct, frozen=True, rename="camel"):
    """A query, what came first, and those of the right documents that are among the first DEEP."""

    query: str
    text: str
    tenant: str | None
    ndcg: float
    found: list[Reason]
    missing: list[str]


async def explain(
    database: Database, embedder: Embedder, row: ModelRow, shops: Shops, worst: Sequence[tuple[Query, float]]
) -> list[Explained]:
    """Explain queries given with their nDCG@10. Raises ModelUnavailable and DatabaseUnavailable."""
    return [await _explained(database, embedder, row, shops, judged) for judged in worst]


async def _explained(
    database: Database, embedder: Embedder, row: ModelRow, shops: Shops, judged: tuple[Query, float]
) -> Explained:
    query, ndcg = judged
    tenant = shops.tenant_of(query.id, query.tenant)
    shop_id = shops.by_tenant.get(tenant)
    if shop_id is None:
        return Explained(query.id, query.text, tenant, ndcg, [], sorted(query.relevant))
    state = await ShopReader(database).read(shop_id)
    in_full = normalise(query.text)
    text = without_names(in_full, state.names)
    embedding = (await embedder.embed_query(text)).vector
    hits = await search(database, state, query=text, in_full=in_full, limit=DEEP, model=row, embedding=embedding)
    shared = await shared_words(database, state, text, [hit.id for hit in hits], in_full)
    reasons = [
        Reason(
            document=shops.document_of[hit.id],
            rank=rank,
            relevant=shops.document_of[hit.id] in query.relevant,
            score=round(hit.score, 4),
            cosine=None if hit.cosine is None else round(hit.cosine, 4),
            coverage=round(hit.coverage, 4),
            codes=round(hit.codes, 4),
            words=shared.get(hit.id, []),
            text=" ".join(hit.content.split())[:EXCERPT],
        )
        for rank, hit in enumerate(hits, 1)
    ]
    seen = {reason.document for reason in reasons}
    shown = [reason for reason in reasons if reason.rank <= SHOWN or reason.relevant]
    return Explained(query.id, query.text, tenant, ndcg, shown, sorted(query.relevant.keys() - seen))
