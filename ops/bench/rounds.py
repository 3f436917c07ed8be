"""Rounds of requests, and the side of a figure that they make."""

import statistics
from collections.abc import Mapping, Sequence

from core.settings import Settings
from ops.bench.figure import Side
from ops.bench.latency import enough_for, summary
from ops.bench.load import Load
from ops.bench.scale import Scale
from ops.bench.window import Outcome
from ops.percentile import percentile_of


def through_nginx(
    settings: Settings, path: str, bodies: Sequence[str], scale: Scale, connections: int | None = None
) -> Load:
    """Requests to a stack's nginx, by all users unless said otherwise."""
    return Load(
        host=settings.host,
        port=settings.port,
        path=path,
        bodies=bodies,
        connections=connections or scale.users,
        warm_up_s=scale.warm_up_s,
        seconds=scale.seconds,
    )


class Measured:
    """One side, round after round."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self._cpu_us: dict[str, list[float]] = {}

    def add(self, outcome: Outcome, cpu_s: Mapping[str, float]) -> None:
        """One more round, and the time on a core that each process spent on it."""
        self.outcomes.append(outcome)
        for name, seconds in {**cpu_s, "generator": outcome.cpu_s}.items():
            self._cpu_us.setdefault(name, []).append(seconds / max(1, outcome.sent) * 1e6)

    def side(self, name: str, *, quantile: float | None = None) -> Side:
        """What all rounds say: requests a second, or a quantile of each round in ms."""
        return Side(
            name=name,
            rounds=tuple(_rate(one) if quantile is None else _quantile_ms(one, quantile) for one in self.outcomes),
            latency=summary(second for one in self.outcomes for second in one.latencies_s),
            errors=sum(one.errors for one in self.outcomes),
            cpu_us={part: round(us) for part, of in self._cpu_us.items() if (us := statistics.median(of)) > 1},
        )

    def failures(self, name: str) -> Side:
        """How many of each round were answered with anything but 200, or not at all."""
        return Side(name=name, rounds=tuple(float(one.errors) for one in self.outcomes))


def _rate(outcome: Outcome) -> float:
    return round(outcome.ended / outcome.seconds, 1)


def _quantile_ms(outcome: Outcome, share: float) -> float:
    """Raises RuntimeError where there are too few: a round without an answer would pass for a quick one."""
    found = percentile_of(outcome.latencies_s, share)
    if found is None or not enough_for(share, len(outcome.latencies_s)):
        raise RuntimeError(f"{len(outcome.latencies_s)} answers tell no p{share * 100:g}; {outcome.errors} errors")
    return round(found * 1000, 3)
