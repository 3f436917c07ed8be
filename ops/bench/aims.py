"""What figures are held to: the aims of ops/slo.toml by the key of the figure that shows each."""

import msgspec

from ops.bench.figure import Aim, Figure
from ops.slo import Levels

MS = 1000


def aims(levels: Levels) -> dict[str, Aim]:
    """Every aim that a benchmark can judge; a part measures, and knows none."""
    of = levels.aims
    database = f"database.{of.database_passages}"
    return {
        "search.cached.rate": Aim(of.cached_search_throughput, "ratio"),
        "search.cached.p95": Aim(of.cached_search_p95_s * MS, "value"),
        "search.new.rate": Aim(of.new_search_throughput, "ratio"),
        "search.new.p95": Aim(of.new_search_p95_s * MS, "value"),
        "search.new.failed": Aim(of.new_search_failed, "value"),
        database: Aim(of.database_ratio, "ratio"),
        f"{database}.recall": Aim(of.recall_at_10, "value"),
        "memory.eight": Aim(of.functions_memory_mib, "value"),
    }


def held(figure: Figure, levels: Levels) -> Figure:
    """The figure with its aim, if it has one."""
    return msgspec.structs.replace(figure, aim=aims(levels).get(figure.key))
