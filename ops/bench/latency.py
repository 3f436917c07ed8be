"""Quantiles of what was measured."""

from collections.abc import Iterable

import msgspec


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from sending to the last byte."""

    count: int
    p50: float
    p95: float
    p99: float
    highest: float


def summary(seconds: Iterable[float]) -> Latency:
    """Nearest-rank quantiles of seconds, in milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return Latency(0, 0, 0, 0, 0)
    p50, p95, p99 = (round(ordered[min(len(ordered) - 1, int(len(ordered) * q))] * 1000, 2) for q in (0.50, 0.95, 0.99))
    return Latency(len(ordered), p50, p95, p99, round(ordered[-1] * 1000, 2))
