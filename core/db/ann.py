"""Approximate indexes for the few shops that are too large for an exact search, built while writes go on.

One partial HNSW index a shop and model: the others keep exact search with its recall of 1, and no filter thins out
what an index of all shops would find (recall 0.55 at 2 % of the rows).
"""

from typing import Literal

import msgspec
import psutil
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from core.db.dsn import owner_conninfo
from core.db.pool import SET_SHOP

# Vectors of one shop and model, about 3 300 passages: from here an index is faster than the exact search.
# Measured by `python -m ops.bench.threshold 1000 2000 5000 10000 --threshold 2000`.
THRESHOLD = 10_000
LOCK_KEY = 0x616E6E  # "ann": one builder at a time
PREFIX = "passage_vector_ann_"
FOUND = "select indexrelid::regclass::text, indisvalid from pg_index where indrelid = 'passage_vector'::regclass"
# The most vectors that a passage has of one model: itself and core.knowledge.chunk.MOST_CHUNKS.
MOST_VECTORS = 257
# A count reads all of a shop's vectors: only of shops that may be large enough, and of those that have an index.
CANDIDATES = """
select id from shop where passages::bigint * %s >= %s or ann or id = any(%s) order by id
"""
SIZES = """
select model_id, dimensions, count(*) from passage_vector where shop_id = %s group by model_id, dimensions
"""
SHOPS = "select count(*) from shop"
STATES = """
select model.name, shop.passages, shop.ann, counted.vectors, pg_relation_size(pg_index.indexrelid)
from shop
cross join (
    select model_id, count(*) as vectors from passage_vector where shop_id = %(shop)s group by model_id
) as counted
join model on model.id = counted.model_id
left join pg_class on pg_class.relname = %(prefix)s || shop.id || '_' || model.id
    and pg_class.relnamespace = 'public'::regnamespace
left join pg_index on pg_index.indexrelid = pg_class.oid and pg_index.indisvalid
where shop.id = %(shop)s
"""
USED = "select model_id from shop where id = %s"
# A graph that outgrows this is built on disk, several times more slowly; 2 GiB hold more than a million vectors.
LEAST_MIB, MOST_MIB = 256, 2048
# The column has no dimension, since models differ; an index needs one.
CREATE = """
create index concurrently {name} on passage_vector
using hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops)
where shop_id = {shop} and model_id = {model}
"""


def build_indexes(owner_dsn: str, threshold: int = THRESHOLD) -> list[str] | None:
    """Make the indexes that are missing and drop those of shops far below `threshold` vectors; returns what was done.

    What an interrupted run left half-built is dropped first. None, and nothing done, while another process is at it.
    Raises SettingsError, psycopg.Error, and at the end BuildError when a shop failed: the others have what they need.
    """
    with psycopg.connect(owner_conninfo(owner_dsn), autocommit=True, application_name="edge ann") as conn:
        conn.execute("set statement_timeout = 0")
        conn.execute("select set_config('maintenance_work_mem', %s, false)", [f"{_build_memory_mib(conn.info.host)}MB"])
        # One core is enough: requests go on meanwhile.
        conn.execute("set max_parallel_maintenance_workers = 0")
        # Tried, not waited for: whoever waits holds a snapshot that `create index concurrently` would wait for.
        if conn.execute("select pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone() != (True,):
            return None
        done = _drop_leftovers(conn)
        failed = []
        for shop_id in _candidates(conn, threshold):
            try:
                done += _fit(conn, shop_id, threshold)
            except psycopg.Error as error:
                if conn.closed:
                    raise
                failed.append(f"shop {shop_id}: {error}")
        if failed:
            raise BuildError("; ".join([*failed, *done]))
        return done


def _build_memory_mib(host: str) -> int:
    """What a graph in the making may take, in MiB: of a server on this machine a quarter of the memory that is free."""
    if not host.startswith(("/", "127.", "localhost")):
        return LEAST_MIB
    return min(MOST_MIB, max(LEAST_MIB, psutil.virtual_memory().available // 4 // 2**20))


class BuildError(psycopg.Error):
    """Indexes of some shops could not be built or dropped; the text says of which, and what was done for others."""


class Strategy(msgspec.Struct, frozen=True, rename="camel"):
    """How one large shop is searched under one model: `searched` exactly or by its index.

    `due` tells what the next `build_indexes` will do: build one, drop it, or nothing. `bytes` is the size of the index.
    """

    shop_id: int
    model: str
    passages: int
    vectors: int
    searched: Literal["exact", "index"]
    due: Literal["build", "drop"] | None
    bytes: int | None


def count_shops(owner_dsn: str) -> int:
    """How many shops there are. Raises psycopg.Error."""
    with psycopg.connect(owner_dsn, application_name="edge ann", connect_timeout=10) as conn:
        row = conn.execute(SHOPS).fetchone()
    return row[0] if row else 0


def strategies(owner_dsn: str, threshold: int = THRESHOLD) -> list[Strategy]:
    """The strategy of every shop that is large enough for an index or has one, the largest first.

    All the other shops are searched exactly. Raises psycopg.Error.
    """
    with psycopg.connect(owner_dsn, autocommit=True, application_name="edge ann", connect_timeout=10) as conn:
        found = [row for shop_id in _candidates(conn, threshold) for row in _strategies(conn, shop_id, threshold)]
    return sorted(found, key=lambda row: (-row.vectors, row.shop_id, row.model))


def _strategies(conn: psycopg.Connection[TupleRow], shop_id: int, threshold: int) -> list[Strategy]:
    with conn.transaction():
        conn.execute(SET_SHOP, [str(shop_id)])
        rows = conn.execute(STATES, {"shop": shop_id, "prefix": PREFIX}).fetchall()
    return [
        Strategy(
            shop_id,
            model,
            passages,
            vectors,
            "index" if ann and size is not None else "exact",
            _due(vectors, threshold, indexed=size is not None),
            size,
        )
        for model, passages, ann, vectors, size in rows
        if size is not None or vectors >= threshold
    ]


def _due(vectors: int, threshold: int, *, indexed: bool) -> Literal["build", "drop"] | None:
    if _wants(vectors, threshold, indexed=indexed):
        return None if indexed else "build"
    return "drop" if indexed else None


def _wants(vectors: int, threshold: int, *, indexed: bool) -> bool:
    """Whether a shop is to have an index; one at the edge is not built and dropped in turn."""
    return vectors >= threshold or (indexed and vectors * 2 >= threshold)


def index_name(shop_id: int, model_id: int) -> str:
    """The name of the index of one shop and model."""
    return f"{PREFIX}{shop_id}_{model_id}"


def _prefix(shop_id: int) -> str:
    """How the names of a shop's indexes begin."""
    return index_name(shop_id, 0)[:-1]


def _indexes(conn: psycopg.Connection[TupleRow]) -> dict[str, bool]:
    return {name: valid for name, valid in conn.execute(FOUND).fetchall() if name.startswith(PREFIX)}


def _candidates(conn: psycopg.Connection[TupleRow], threshold: int) -> list[int]:
    indexed = [int(name.removeprefix(PREFIX).split("_")[0]) for name in _indexes(conn)]
    return [shop_id for (shop_id,) in conn.execute(CANDIDATES, [MOST_VECTORS, threshold, indexed])]


def _drop_leftovers(conn: psycopg.Connection[TupleRow]) -> list[str]:
    broken = [name for name, valid in _indexes(conn).items() if not valid]
    return [_drop(conn, name) for name in broken]


def _drop(conn: psycopg.Connection[TupleRow], name: str) -> str:
    conn.execute(sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(name)))
    return f"dropped {name}"


def _fit(conn: psycopg.Connection[TupleRow], shop_id: int, threshold: int) -> list[str]:
    with conn.transaction():
        conn.execute(SET_SHOP, [str(shop_id)])
        sizes = {model: (dimensions, count) for model, dimensions, count in conn.execute(SIZES, [shop_id])}
        used = [index_name(shop_id, model) for (model,) in conn.execute(USED, [shop_id])]
    present = {name for name in _indexes(conn) if name.startswith(_prefix(shop_id))}
    wanted = {
        index_name(shop_id, model): (model, dimensions)
        for model, (dimensions, count) in sizes.items()
        if _wants(count, threshold, indexed=index_name(shop_id, model) in present)
    }
    done = []
    for name in sorted(wanted.keys() - present):
        model, dimensions = wanted[name]
        _create(conn, name, shop_id, model, dimensions)
        done.append(f"created {name}")
    # First the searches are told, then the index goes: none of them meets an index-less approximate statement for long.
    # While a shop moves to another model its searches use the index of the one that they use.
    _mark(conn, shop_id, ann=any(name in wanted for name in used))
    return done + [_drop(conn, name) for name in sorted(present - wanted.keys())]


def _create(conn: psycopg.Connection[TupleRow], name: str, shop_id: int, model: int, dimensions: int) -> None:
    conn.execute(
        sql.SQL(CREATE).format(
            name=sql.Identifier(name),
            shop=sql.Literal(shop_id),
            model=sql.Literal(model),
            dimensions=sql.Literal(dimensions),
        )
    )


def _mark(conn: psycopg.Connection[TupleRow], shop_id: int, *, ann: bool) -> None:
    with conn.transaction():
        conn.execute(SET_SHOP, [str(shop_id)])
        conn.execute("update shop set ann = %s where id = %s and ann <> %s", [ann, shop_id, ann])
