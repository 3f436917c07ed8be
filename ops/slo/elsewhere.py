"""The levels that no series shows: what a drill, a benchmark or a load test measures, or the host acts on."""

from collections.abc import Iterator

from ops.slo.levels import Levels


def elsewhere(levels: Levels) -> str:
    """A table in Markdown."""
    rows = [*_promised(levels), *_aimed(levels), *_acted_on(levels)]
    return "\n".join(
        ["| Level | Figure | Measured by |", "| --- | --- | --- |", *(f"| {' | '.join(row)} |" for row in rows)]
    )


def _promised(levels: Levels) -> Iterator[tuple[str, str, str]]:
    ramp = ", ".join(f"{stage.users} users at {stage.end_s:g} s" for stage in levels.ramp)
    yield "the promised load", ramp, "`locust -f loadtests/`"


def _aimed(levels: Levels) -> Iterator[tuple[str, str, str]]:
    aims, bench, drill = levels.aims, "benchmarks", "`make drill-deploy`"
    bounded = f"p95 ≤ {aims.new_search_p95_s:g} s, failed ≤ {aims.new_search_failed}"
    yield (
        f"search, cached, {aims.users} users",
        f"p95 ≤ {aims.cached_search_p95_s * 1000:g} ms, throughput ≥ {aims.cached_search_throughput:.0%} of its floor",
        bench,
    )
    yield (
        f"search, new question, {aims.users} users",
        f"throughput ≥ {aims.new_search_throughput:.0%} of the model alone, {bounded}",
        bench,
    )
    yield (
        f"database part, {aims.database_passages:,} passages over {aims.database_shops} shops",
        f"≤ {aims.database_ratio:g} times pgbench, recall@10 ≥ {aims.recall_at_10:g}",
        bench,
    )
    yield (
        f"{aims.deploys} deploys under {aims.deploy_requests:,} requests",
        f"failed ≤ {aims.deploy_failed_requests}, cut streams ≤ {aims.deploy_cut_streams}",
        drill,
    )
    yield "rollback", f"≤ {aims.rollback_s:g} s, built ≤ {aims.rollback_built}", drill
    load = "`locust -f loadtests/`"
    yield "overload", f"≥ {aims.goodput_kept:.0%} of the right answers kept when twice as many come", load
    yield "a write", f"not seen in an answer after it ≤ {aims.writes_not_seen}", load
    yield "memory over a soak", f"≤ {aims.memory_growth:g} times what it was at the begin", load


def _acted_on(levels: Levels) -> Iterator[tuple[str, str, str]]:
    rollback, host = levels.rollback, "the host, after each deploy"
    rates = f"{rollback.least_requests} requests at least"
    yield "rollback on errors", f"> {rollback.error_rate:.0%} for {rollback.error_rate_for_s:g} s, {rates}", host
    yield "rollback on slowness", f"p95 > {rollback.p95_s:g} s for {rollback.p95_for_s:g} s, {rates}", host
    left = f"> {rollback.abandoned_rate:.0%} of clients left unanswered for {rollback.error_rate_for_s:g} s"
    yield "rollback on hangs", f"{left}, {rates}", host
    yield "rollback on crashes", f"{rollback.crashes} within {rollback.crashes_within_s:g} s", host
