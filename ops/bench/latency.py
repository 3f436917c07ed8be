"""Quantiles of what was measured."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from ops.percentile import percentile

ENOUGH = {0.95: 20, 0.99: 100}  # samples; with fewer the quantile is the slowest one, or near it


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from sending to the last byte; None where there were too few to say."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None
    highest: float | None

    @property
    def words(self) -> str:
        """The three quantiles for people."""
        return " / ".join("-" if value is None else f"{value:g}" for value in (self.p50, self.p95, self.p99))


def summary(seconds: Iterable[float]) -> Latency:
    """Nearest-rank quantiles of seconds, in milliseconds, as far as there are enough for them."""
    times = Counter(seconds)
    p50, p95, p99 = (_ms(times, share) for share in (0.50, 0.95, 0.99))
    return Latency(times.total(), p50, p95, p99, round(max(times) * 1000, 2) if times else None)


def enough_for(share: float, count: int) -> bool:
    """Whether so many samples say something about this quantile."""
    return count >= ENOUGH.get(share, 1)


def _ms(times: Counter[float], share: float) -> float | None:
    found = percentile(times, share)
    return None if found is None or not enough_for(share, times.total()) else round(found * 1000, 2)
