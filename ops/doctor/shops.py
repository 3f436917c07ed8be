"""Which shops are searched by an index, and does each that is large enough have one?"""

from collections.abc import Iterator

import psycopg

from core.db.ann import THRESHOLD, Strategy, count_shops, strategies
from ops.doctor.box import Box
from ops.doctor.finding import Finding, ok, unknown, warning

UPKEEP = "`edge up` builds it within minutes; its upkeep.log says why it does not"


def examine(box: Box, threshold: int = THRESHOLD) -> Iterator[Finding]:
    """Count the vectors of each shop that may be large."""
    try:
        shops, found = count_shops(box.owner_dsn), strategies(box.owner_dsn, threshold)
    except psycopg.Error as error:
        yield unknown(f"the database does not answer: {' '.join(str(error).split())}")
        return
    for strategy in found:
        yield _judge(strategy, threshold)
    exact = shops - len({strategy.shop_id for strategy in found})
    yield ok(f"{exact} of {shops} shops are searched exactly, with fewer than {threshold} vectors each")


def _judge(strategy: Strategy, threshold: int) -> Finding:
    size = f"shop {strategy.shop_id}: {strategy.vectors} vectors of {strategy.model}"
    if strategy.searched == "index":
        return ok(f"{size}, searched by an index")
    if strategy.vectors < threshold:
        return ok(f"{size}, searched exactly")
    missing = "it has no index that is complete" if strategy.bytes is None else "its searches do not use the index yet"
    return warning(f"{size}, searched exactly: {missing}", UPKEEP)
