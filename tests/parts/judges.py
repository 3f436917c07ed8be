"""What everything that judges makes of ops/slo.toml: `python -m tests.parts.judges`, in a tree of its own.

The texts of that file come on standard input as JSON. Each is judged by in a process in which nothing of ours has been
imported: some of it reads the levels as it is imported. What comes out are, for each text, the outputs by consumer.
"""

import json
import os
import sys
from bisect import bisect_left, bisect_right
from pathlib import Path

OURS = ("loadtests", "ops")
ROOT = Path(__file__).absolute().parents[2]
CANDIDATES = [number / 1000 for number in range(1, 1000)]


def outputs() -> dict:
    """By consumer what it does, not what it says: where it draws its lines."""
    from ops.slo import load

    levels = load()
    made = (load_test, gate, rollback, health_page, rules, dashboard, benchmarks, drill)
    return {of.__name__: of(levels) for of in made}


def load_test(_levels) -> dict:
    from loadtests.catalogue import SCENARIOS
    from loadtests.evidence import Evidence
    from loadtests.verdict import judge

    return {
        name: {
            "limits": [(row.name, row.sense, row.limit) for row in judge(name, one.criteria, Evidence([])).rows],
            "users": [(stage.end_s, stage.users) for stage in one.stages],
            "drawn": one.limit_ms,
            "deploys": one.deploys,
        }
        for name, one in SCENARIOS.items()
    }


def gate(_levels) -> list:
    """Of a deploy."""
    from ops.host.watch import Rules

    return [Rules().smoke_s()]


def rollback(_levels) -> dict:
    """Probed: the least of each sort that takes a release back."""
    from ops.host.watch import Rules, Triggers, Watch

    triggers = Rules().triggers()
    long_s = triggers.error_rate_for_s + triggers.p95_for_s

    def falls(*, after_s=long_s, requests=100_000, slow_s=0.001, **counts) -> bool:
        watch = Watch(triggers, 0)
        return watch.feed(after_s, answered(requests=requests, took_s=slow_s, **counts)) is not None

    def crashes(number: int, within_s: float) -> bool:
        watch = Watch(triggers, 0)
        return any(watch.crashed(at * within_s / (number - 1)) is not None for at in range(number))

    times = [second / 2 for second in range(1, 4000)]
    return {
        "errors": least(lambda share: falls(errors=int(share * 100_000)), CANDIDATES),
        "errors after": least(lambda after_s: falls(after_s=after_s, errors=100_000), times),
        "left": least(lambda share: falls(abandoned=int(share * 100_000)), CANDIDATES),
        "slow": least(lambda slow_s: falls(slow_s=slow_s), answered_times()),
        "slow after": least(lambda after_s: falls(after_s=after_s, slow_s=60.0), times),
        "requests": least(lambda many: falls(requests=many, errors=many), range(1, 200)),
        "crashes": least(lambda many: crashes(many, 1.0), range(2, 20)),
        "crashes within": least(lambda within_s: not crashes(triggers.crashes, within_s), times),
        "faults at a start": Rules().most_faults(),
        "scaled": Triggers.read(0.5).crashes_within_s,
    }


def health_page(levels) -> dict:
    """Probed: the least of each sort that has another colour than less of it."""
    from ops.slo.colours import Spent, colours, windows

    def of(name: str, spent=None, **counts) -> int:
        quiet = dict.fromkeys(windows(levels), Spent(1, 0))
        return colours(levels, [answered(**{"requests": 100_000} | counts)], spent or quiet)[name].value

    def burnt(burn, tenths: int, requests: int) -> int:
        calm = dict.fromkeys(windows(levels), Spent(10**6, 0))
        return of("budget", calm | dict.fromkeys((burn.long_s, burn.short_s), Spent(requests, tenths / 10)))

    return {
        "errors": lines(lambda share: of("errors", failed=int(share * 100_000)), CANDIDATES),
        "requests": lines(lambda many: of("errors", requests=many), range(1, 200)),
        **{name: lines(lambda slow_s, name=name: of(name, took_s=slow_s), answered_times()) for name in QUANTILES},
        "budget": [
            lines(lambda tenths, burn=burn, many=many: burnt(burn, tenths, many), range(10**6))
            for burn in levels.burn
            for many in (1, 10**6)
        ],
        "windows": sorted(windows(levels)),
    }


def rules(levels) -> dict:
    from ops.slo.rules import rules

    return rules(levels)


def dashboard(levels) -> list:
    """Its lines and what is drawn; titles and words may say anything."""
    from ops.slo.dashboard import dashboard

    return [
        (panel["fieldConfig"]["defaults"]["thresholds"], [query["expr"] for query in panel["targets"]])
        for panel in dashboard(levels)["panels"]
        if "targets" in panel
    ]


def benchmarks(levels) -> dict:
    import msgspec

    from ops.bench.aims import aims
    from ops.bench.scale import SCALES

    full = SCALES["full"]
    sizes = msgspec.to_builtins(full(levels.aims) if callable(full) else full)
    return {"aims": {key: (aim.limit, aim.of) for key, aim in aims(levels).items()}, "sizes": sizes}


def drill(levels) -> dict:
    from ops.drill.__main__ import arguments
    from ops.drill.report import faults
    from tests.parts.drilled import drilled, options

    def falls(**found) -> bool:
        return bool(faults(drilled(**found), options(), levels.aims))

    return {
        "requests": arguments(levels.aims).parse_args([]).requests,
        "failed": least(lambda many: falls(failed=many), range(10)),
        "cut": least(lambda many: falls(streams_cut=many), range(10)),
        "deploys": least(lambda many: not falls(deploys=many), range(100)),
        "built": least(lambda many: falls(built=many), range(10)),
        "took": least(lambda tenths: falls(took_s=tenths / 10), range(1, 1000)),
    }


QUANTILES = ("p50", "p95", "p99")


def answered_times() -> list[float]:
    from ops.host.gauges import BUCKETS_S

    return [*BUCKETS_S, 60.0]


def answered(*, requests: int, took_s: float = 0.001, **counts):
    from ops.host.gauges import BUCKETS_S, Reading

    buckets = [0] * (len(BUCKETS_S) + 1)
    buckets[bisect_left(BUCKETS_S, took_s)] = requests
    return Reading(requests=requests, buckets=tuple(buckets), **counts)


def least(holds, candidates):
    """The first for which it holds; it does then for all that come after."""
    place = bisect_left(candidates, True, key=holds)
    return candidates[place] if place < len(candidates) else None


def lines(value, candidates) -> list:
    """Where a value that only rises does so, and to what."""
    found, place = [], 0
    while place < len(candidates):
        found.append((candidates[place], now := value(candidates[place])))
        place = bisect_right(candidates, now, key=value)
    return found


def forked(text: str) -> dict:
    read_fd, write_fd = os.pipe()
    if os.fork() == 0:
        status = 1
        try:
            (ROOT / "ops" / "slo.toml").write_text(text)
            for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
                del sys.modules[name]
            with os.fdopen(write_fd, "w") as out:
                json.dump(outputs(), out)
            status = 0
        finally:
            os._exit(status)
    os.close(write_fd)
    with os.fdopen(read_fd) as out:
        told = out.read()
    assert 0 == os.waitstatus_to_exitcode(os.wait()[1])
    return json.loads(told)


if __name__ == "__main__":
    texts = json.load(sys.stdin)
    outputs()  # others' modules are imported once
    json.dump([forked(text) for text in texts], sys.stdout)
