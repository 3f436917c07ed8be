"""What a run measured, as plain data: taken from Locust's statistics, which its master adds up over all workers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import msgspec

from loadtests.outcomes import REFUSED
from loadtests.shapes import Window
from ops.percentile import percentile

HTTP = frozenset({"GET", "POST", "PUT", "DELETE"})
# Fewer say nothing, however good.
FEW = 10


class Total(msgspec.Struct, frozen=True):
    """All requests of one name. `times_ms`: how many took so long; `ended_at`, `failed_at`: how many in each second."""

    name: str
    kind: str
    requests: int
    failures: int
    slowest_ms: float
    times_ms: dict[float, int]
    ended_at: dict[int, int]
    failed_at: dict[int, int]

    @classmethod
    def of(cls, entry: Any) -> Self:
        """From an entry of Locust's statistics."""
        return cls(
            entry.name,
            entry.method,
            entry.num_requests,
            entry.num_failures,
            entry.max_response_time or 0.0,
            dict(entry.response_times),
            {int(second): count for second, count in entry.num_reqs_per_sec.items()},
            {int(second): count for second, count in entry.num_fail_per_sec.items()},
        )

    @property
    def is_answer(self) -> bool:
        """A request of the API that was not refused; the rest are measures of their own."""
        return self.kind in HTTP and not self.name.endswith(REFUSED)


class Fault(NamedTuple):
    """A sort of failure: of which requests, what was wrong, how many times."""

    name: str
    what: str
    times: int


class Sample(msgspec.Struct, frozen=True):
    """What happened since the sample before; times in milliseconds, None where nothing was answered."""

    at_s: float
    users: int
    requests: int
    failures: int
    refused: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Evidence(msgspec.Struct, frozen=True):
    """All that the verdict looks at. `notes` are figures that only the scenario itself knows, by name."""

    totals: Sequence[Total]
    faults: Sequence[Fault] = ()
    samples: Sequence[Sample] = ()
    windows: Mapping[str, Window] = {}
    notes: Mapping[str, float | None] = {}
    finished: bool = True

    @property
    def answers(self) -> list[Total]:
        """Requests of the API, without those that were refused."""
        return [total for total in self.totals if total.is_answer]

    @property
    def refusals(self) -> list[Total]:
        """Those that were refused."""
        return [total for total in self.totals if total.name.endswith(REFUSED)]

    @property
    def requests(self) -> int:
        """How many were made."""
        return sum(total.requests for total in (*self.answers, *self.refusals))

    @property
    def refused(self) -> int:
        """How many got 503 with `Retry-After`."""
        return sum(total.requests for total in self.refusals)

    @property
    def failed(self) -> int:
        """How many got anything but what they should, a refusal aside."""
        return sum(total.failures for total in self.answers)

    def without_refusals(self) -> Self:
        """What it would be if nobody had been refused."""
        answers = [total for total in self.totals if not total.name.endswith(REFUSED)]
        faults = [fault for fault in self.faults if not fault.name.endswith(REFUSED)]
        return msgspec.structs.replace(self, totals=answers, faults=faults)

    def of(self, *names: str) -> list[Total]:
        """The totals of these names."""
        return [total for total in self.totals if total.name in names]

    def percentile_s(self, share: float, totals: Iterable[Total] | None = None) -> float | None:
        """The response time that so many of the answers were within; None where too few were given to say it."""
        times = merged(self.answers if totals is None else totals)
        if sum(times.values()) < least_for(share):
            return None
        found = percentile(times, share)
        return None if found is None else found / 1000

    def slowest_s(self, *names: str) -> float | None:
        """The longest of these, an exact figure; percentiles are of rounded times."""
        found = [total.slowest_ms / 1000 for total in self.of(*names) if total.requests]
        return max(found, default=None)

    def counted(self, name: str) -> int:
        """How many times users counted this."""
        return sum(total.requests for total in self.of(name))

    def count(self, sort: str) -> int:
        """How many failures were of this sort."""
        return sum(fault.times for fault in self.faults if sort in fault.what)

    def goodput(self, window: str) -> float | None:
        """Right answers a second within the window."""
        return self._rate(window, self.answers, good=True)

    def offered(self, window: str) -> float | None:
        """Requests a second within the window, whatever became of them."""
        return self._rate(window, [*self.answers, *self.refusals], good=False)

    def turned_away(self, window: str) -> float | None:
        """Refusals a second within the window."""
        return self._rate(window, self.refusals, good=False)

    def best_goodput(self, seconds: int) -> float | None:
        """The most right answers a second over so many seconds on end, at whatever time; None of a shorter run."""
        right = self._right_by_second()
        if not right or max(right) - min(right) < seconds:
            return None
        begins = range(min(right), max(right) - seconds + 2)
        return max(sum(right[begin + after] for after in range(seconds)) for begin in begins) / seconds

    def _right_by_second(self) -> Counter[int]:
        right: Counter[int] = Counter()
        for total in self.answers:
            right.update(total.ended_at)
            right.subtract(total.failed_at)
        return right

    def _rate(self, window: str, totals: Sequence[Total], *, good: bool) -> float | None:
        if window not in self.windows:
            return None
        begin, end = self.windows[window]
        seconds = range(begin, end)
        ended = sum(total.ended_at.get(second, 0) for total in totals for second in seconds)
        failed = sum(total.failed_at.get(second, 0) for total in totals for second in seconds)
        return (ended - failed * good) / max(1, len(seconds))


def least_for(share: float) -> int:
    """How many times there must be for a quantile: half of those of which one lies beyond it, and some at any rate.

    Of so few it is the longest, and what the longest keeps to all of them do.
    """
    return max(FEW, round(0.5 / (1 - share)))


def merged(totals: Iterable[Total]) -> Counter[float]:
    """One histogram of several."""
    sum_of: Counter[float] = Counter()
    for total in totals:
        sum_of.update(total.times_ms)
    return sum_of
