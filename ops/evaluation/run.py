"""One evaluation: the collection loaded, every query asked of the search, of BM25 and of vectors alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

import msgspec
import psycopg

from core.cache.disk import DiskCache
from core.db import ann
from core.db.models import ModelRow
from core.db.names import set_names
from core.db.pool import Database
from core.db.search import search
from core.db.shops import ShopReader
from core.errors import ModelUnavailable
from core.models.gateway import Embedder
from core.models.text import normalise
from core.retrieval.lens import ensure_calibrated
from core.retrieval.searcher import Searcher, SearchQuery
from core.settings import Settings
from ops.evaluation.bm25 import Bm25
from ops.evaluation.explain import Explained, explain
from ops.evaluation.folder import Collection, Query
from ops.evaluation.load import Shops, Step, key_of, load, shops_of
from ops.evaluation.measures import Ranking, Worth, measure
from ops.evaluation.pace import each, patiently, say_waiting
from ops.evaluation.scratch import CACHE_MIB, Scratch, folder_of, forget_old, scratch
from ops.stack.borrowed import lane_settings

DEPTH = 10
AT_ONCE = 4
# Nobody waits for one of these questions: a busy machine must not change what is measured.
PATIENCE = {"embed_deadline_s": 120.0, "database_timeout_s": 60.0}
MIB = 1 << 20

Begin = Callable[[str, int], Step]


class Outcome(msgspec.Struct, frozen=True):
    """What came out: the worth of each way, and the worst queries when they were asked for."""

    model: ModelRow
    ours: Worth
    bm25: Worth
    vector: Worth
    worst: list[Explained]


class _Parts(msgspec.Struct, frozen=True):
    database: Database
    embedder: Embedder
    shops: Shops


async def evaluate(settings: Settings, collection: Collection, begin: Begin, explained: int = 0) -> Outcome:
    """Measure a collection; `explained` worst queries are explained.

    `settings` names a model server that answers. Raises ModelUnavailable, DatabaseUnavailable, PostgresError.
    """
    settings = msgspec.structs.replace(settings, **PATIENCE)
    shops = shops_of(collection.documents)
    vectors = DiskCache(folder_of(settings) / "cache", CACHE_MIB * MIB, "vectors")
    try:
        embedder = await Embedder.open(lane_settings(settings, folder_of(settings)), vectors)
        try:
            key = key_of(collection.documents, await patiently(embedder.identity, tell=say_waiting))
            with scratch(settings, key) as place:
                async with _database(place) as database:
                    parts = _Parts(database, embedder, shops)
                    await _fill(parts, place, begin)
                    outcome = await _measured(parts, collection, begin, explained)
        finally:
            await embedder.close()
    finally:
        vectors.close()
    forget_old(settings)
    return outcome


@asynccontextmanager
async def _database(place: Scratch) -> AsyncIterator[Database]:
    database = await Database.open(place.settings)
    try:
        yield database
    finally:
        await database.close()


async def _fill(parts: _Parts, place: Scratch, begin: Begin) -> None:
    if place.ready:
        return
    count = len(parts.shops.document_of)
    await load(parts.database, parts.embedder, parts.shops, begin("documents", count))
    with psycopg.connect(place.owner_dsn) as owner:
        for shop_id, names in parts.shops.names.items():
            set_names(owner, shop_id, names)
    # As the running stack does it for a shop that has grown large.
    await asyncio.to_thread(ann.build_indexes, place.owner_dsn)
    place.complete()


async def _measured(parts: _Parts, collection: Collection, begin: Begin, explained: int) -> Outcome:
    row = await ensure_calibrated(parts.database, parts.embedder)
    searcher = Searcher(parts.database, parts.embedder, None)
    by_words = Bm25(parts.shops.documents)
    try:
        step = begin("queries", len(collection.queries))
        ours: dict[str, Ranking] = {}
        vector: dict[str, Ranking] = {}

        async def ask(query: Query) -> None:
            ours[query.id] = await patiently(partial(_ask, searcher, parts.shops, query))
            vector[query.id] = await patiently(partial(_ask_vectors, parts, row, query))
            step(1)

        await each(collection.queries, ask, AT_ONCE)
    finally:
        await searcher.close()
    bm25 = {query.id: _ask_words(by_words, parts.shops, query) for query in collection.queries}
    relevant = {query.id: query.relevant for query in collection.queries}
    # In the order of the file, whichever was answered first: the bootstrap draws by place.
    ours, vector = ({query.id: found[query.id] for query in collection.queries} for found in (ours, vector))
    worth = measure(relevant, ours)
    worst = await explain(parts.database, parts.embedder, row, parts.shops, _worst(collection, worth, explained))
    return Outcome(row, worth, measure(relevant, bm25), measure(relevant, vector), worst)


def _worst(collection: Collection, worth: Worth, count: int) -> list[tuple[Query, float]]:
    judged = [(query, worth.ndcg[query.id]) for query in collection.judged]
    return sorted(judged, key=lambda pair: pair[1])[:count]


async def _ask(searcher: Searcher, shops: Shops, query: Query) -> Ranking:
    shop_id = shops.by_tenant.get(shops.tenant_of(query.id, query.tenant))
    if shop_id is None:
        return Ranking((), None)
    found = await searcher.search(SearchQuery(query.text, shop_id, limit=DEPTH, threshold=0.0))
    if found.degraded is not None:
        raise ModelUnavailable("a search was answered without its model: nothing is measured")
    results = found.results
    best = results[0].similarity if results else None
    return Ranking(tuple(shops.document_of[UUID(result.id)] for result in results), best)


async def _ask_vectors(parts: _Parts, row: ModelRow, query: Query) -> Ranking:
    shop_id = parts.shops.by_tenant.get(parts.shops.tenant_of(query.id, query.tenant))
    if shop_id is None:
        return Ranking((), None)
    state = await ShopReader(parts.database).read(shop_id)
    embedded = await parts.embedder.embed_query(normalise(query.text))
    # The same statement without words is the vectors alone.
    hits = await search(parts.database, state, query="", limit=DEPTH, model=row, embedding=embedded.vector)
    best = hits[0].cosine if hits else None
    return Ranking(tuple(parts.shops.document_of[hit.id] for hit in hits), best)


def _ask_words(bm25: Bm25, shops: Shops, query: Query) -> Ranking:
    tenant = shops.tenant_of(query.id, query.tenant)
    return bm25.search(query.text, tenant, DEPTH) if tenant in shops.by_tenant else Ranking((), None)
