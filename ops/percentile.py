"""The one percentile of benchmarks, drills and load tests: nearest rank, a time that was really measured."""

from collections import Counter
from collections.abc import Iterable, Mapping

Histogram = Mapping[float, int]


def percentile(times: Histogram, share: float) -> float | None:
    """The least time that `share` of them were within; None without any."""
    left = share * sum(times.values())
    for time in sorted(time for time, count in times.items() if count > 0):
        left -= times[time]
        if left <= 0:
            return time
    return None


def percentile_of(times: Iterable[float], share: float) -> float | None:
    """The same of single times."""
    return percentile(Counter(times), share)
