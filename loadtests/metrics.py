"""What the functions themselves count, read over HTTP from `/metrics/NAME`."""

import re
import urllib.request
from collections.abc import Iterable, Sequence
from http.client import HTTPException

import msgspec

from ops.slo.series import CACHE_HITS, CACHE_LOOKUPS

TIMEOUT_S = 10.0
LOOKUPS = re.compile(rf'^{CACHE_LOOKUPS}\{{[^}}]*result="(?P<result>\w+)"[^}}]*\}} (?P<count>\S+)$', re.MULTILINE)
STARTED = re.compile(r"^process_start_time_seconds(?:\{[^}]*\})? (?P<seconds>\S+)$", re.MULTILINE)
MEMORY = re.compile(r"^process_resident_memory_bytes(?:\{[^}]*\})? (?P<bytes>\S+)$", re.MULTILINE)
# A process has its memory once it has served for a while.
WARM = 0.1
LEAST_READINGS = 10
LEAST_LOOKUPS = 20


class Counts(msgspec.Struct, frozen=True):
    """Of one process of a function: answers by where they came from, when it started (Unix time), its memory."""

    lookups: dict[str, float]
    started: float
    memory_bytes: float


def read(host: str, function: str) -> Counts | None:
    """What a worker of the function says now; None where its metrics are not for us, or it does not answer."""
    try:
        with urllib.request.urlopen(f"{host}/metrics/{function}", timeout=TIMEOUT_S) as reply:  # noqa: S310 - http(s)
            return parsed(reply.read().decode())
    except (OSError, ValueError, HTTPException):
        return None


def parsed(text: str) -> Counts | None:
    """From Prometheus' text format; None for one that is not of a function."""
    started, memory = STARTED.search(text), MEMORY.search(text)
    if started is None or memory is None:
        return None
    lookups = {match["result"]: float(match["count"]) for match in LOOKUPS.finditer(text)}
    return Counts(lookups, float(started["seconds"]), float(memory["bytes"]))


class Lookups:
    """Lookups since `began` (Unix time), over all processes of a function: one that is deployed begins at nothing.

    Of several workers each is read by turns, as chance has it; what one counted before its first reading is lost.
    """

    def __init__(self, began: float) -> None:
        self._began = began
        self._readings: dict[float, list[Counts]] = {}

    def take(self, counts: Counts | None) -> None:
        """Add a reading, if there is one."""
        if counts is not None:
            self._readings.setdefault(counts.started, []).append(counts)

    @property
    def hit_rate(self) -> float | None:
        """The share that a cache answered; None where it was asked too seldom to say it."""
        asked = self._count(None)
        return self._count(CACHE_HITS) / asked if asked >= LEAST_LOOKUPS else None

    @property
    def memory_growth(self) -> float | None:
        """The most that a process grew, as a multiple of what it had once it was warm; None where none was read enough.

        Of all of them, not of the latest alone: one that leaks ends, and the next begins with little.
        """
        read = [taken for taken in self._readings.values() if len(taken) >= LEAST_READINGS]
        return max((_grown(taken) for taken in read), default=None)

    def _count(self, results: Iterable[str] | None) -> float:
        return sum(
            _sum(taken[-1], results) - (_sum(taken[0], results) if started < self._began else 0.0)
            for started, taken in self._readings.items()
        )


def _grown(taken: Sequence[Counts]) -> float:
    return taken[-1].memory_bytes / taken[int(len(taken) * WARM)].memory_bytes


def _sum(counts: Counts, results: Iterable[str] | None) -> float:
    return sum(counts.lookups.get(name, 0.0) for name in (counts.lookups if results is None else results))
