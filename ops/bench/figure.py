"""What every part of the suite measures: figures, each beside its floor, round by round."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from ops.bench.latency import Latency, summary

Better = Literal["higher", "lower"]
SHARE = "share"  # the unit of what is a part of one, such as a recall


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of two that are compared: a value of each round, and what lies behind all of them.

    `latency` is of single requests where there were any. `cpu_us` is time on a core for each request, by process.
    """

    name: str
    rounds: tuple[float, ...]
    latency: Latency | None = None
    errors: int = 0
    cpu_us: dict[str, float] = {}

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """From the least to the most of the rounds, as a share of the median."""
        return (max(self.rounds) - min(self.rounds)) / self.median if self.median else 0.0


class Aim(msgspec.Struct, frozen=True):
    """A level of ops/slo.toml: the most (or least) that a figure, or its ratio to the floor, may be."""

    limit: float
    of: Literal["value", "ratio"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was measured. `key` names it for ever; rounds of both sides took turns.

    Whatever measures it leaves `aim` to ops/bench/aims.py.
    """

    key: str
    title: str
    unit: str
    better: Better
    ours: Side
    floor: Side | None = None
    aim: Aim | None = None
    note: str = ""

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours as a multiple of the floor, round by round; empty where there is none."""
        if self.floor is None:
            return ()
        pairs = zip(self.ours.rounds, self.floor.rounds, strict=False)
        return tuple(ours / floor for ours, floor in pairs if floor)

    @property
    def ratio(self) -> float | None:
        """The median of the ratios."""
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def cpu_ratio(self) -> float | None:
        """The floor's time on a core for each request as a share of ours: what the clock would say if nobody disturbed.

        Of rates only; None where it is not known of both.
        """
        if self.floor is None or self.better == "lower" or not self.floor.cpu_us or not self.ours.cpu_us:
            return None
        return sum(self.floor.cpu_us.values()) / sum(self.ours.cpu_us.values())

    @property
    def errors(self) -> int:
        """On both sides."""
        return self.ours.errors + (self.floor.errors if self.floor else 0)

    @property
    def aimed(self) -> str | None:
        """Its aim in words."""
        if self.aim is None:
            return None
        sign = "≥" if self.better == "higher" else "≤"
        return f"{sign} {self.aim.limit:g} {'times' if self.aim.of == 'ratio' else self.unit}"

    @property
    def reached(self) -> bool | None:
        """Whether it is within its aim; None where it has none."""
        if self.aim is None:
            return None
        found = self.ratio if self.aim.of == "ratio" else self.ours.median
        if found is None:
            return None
        return found >= self.aim.limit if self.better == "higher" else found <= self.aim.limit


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run: when, where and of what, all that it measured, and which parts failed, with the reason."""

    environment: dict[str, Any]
    scale: str
    parts: tuple[str, ...]
    took_s: float
    figures: tuple[Figure, ...]
    failed: dict[str, str] = {}


def timed(name: str, rounds: Sequence[Sequence[float]], *, unit_s: float = 0.001, errors: int = 0) -> Side:
    """A side of latencies in seconds, a sequence a round: each round's value is its median, in `unit_s`."""
    return Side(
        name=name,
        rounds=tuple(round(statistics.median(found) / unit_s, 4) for found in rounds),
        latency=summary(second for found in rounds for second in found),
        errors=errors,
    )


def interleaved(names: Iterable[str], rounds: int) -> Iterable[tuple[int, str]]:
    """Every name once a round, each round beginning with another one: none always follows the same."""
    names = list(names)
    for number in range(rounds):
        start = number % len(names)
        yield from ((number, name) for name in names[start:] + names[:start])


def plain(report: Report) -> dict[str, Any]:
    """The report as JSON has it, with the ratios written out for whoever reads it without this module."""
    found: dict[str, Any] = msgspec.to_builtins(report)
    for figure, written in zip(report.figures, found["figures"], strict=True):
        written |= {"ratio": figure.ratio, "reached": figure.reached}
    return found


def read(data: bytes) -> Report:
    """A report that was written as JSON. Raises msgspec.DecodeError, msgspec.ValidationError."""
    return msgspec.json.decode(data, type=Report)


def by_key(report: Report) -> Mapping[str, Figure]:
    """The figures by their names."""
    return {figure.key: figure for figure in report.figures}
