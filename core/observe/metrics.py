"""Prometheus metrics of one function, in a registry of its own."""

import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from core.observe.trace import Outcome, Trace

MEDIA_TYPE = CONTENT_TYPE_LATEST
# Seconds; the service levels (p95 25 ms cached, 500 ms a search, 1, 2, 3 and 5 s) are bounds of buckets.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


def pss_bytes() -> float:
    """Proportional set size of this process (proc(5), smaps_rollup); not a number where the kernel does not tell."""
    try:
        found = re.search(rb"^Pss: +(\d+) kB", Path("/proc/self/smaps_rollup").read_bytes(), re.MULTILINE)
    except OSError:
        found = None
    return math.nan if found is None else int(found[1]) * 1024.0


class _KeptElsewhere(Collector):
    def __init__(self, name: str, text: str, function: str, read: Callable[[], int]) -> None:
        self._name, self._text, self._function, self._read = name, text, function, read

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._text, labels=["function"])
        family.add_metric([self._function], self._read())
        yield family


class _OfWorker(Collector):
    """All that another collector has, with the worker that counted it."""

    def __init__(self, collector: Collector, worker: str) -> None:
        self._collector, self._worker = collector, worker

    def collect(self) -> Iterator[Metric]:
        for family in self._collector.collect():
            family.samples = [
                sample._replace(labels={**sample.labels, "worker": self._worker}) for sample in family.samples
            ]
            yield family


class Metrics:
    """What one process of a function counts; `observe` is called once a request.

    `worker` names this process where there are several, which answer a scrape by turns: without it one's counters
    would be taken for the other's, begun anew.
    """

    def __init__(self, function: str) -> None:
        self.registry = CollectorRegistry()
        self.worker: str | None = None
        self._function = function
        self._requests = self._counter("requests", "Requests answered", "route", "method", "status")
        self._seconds = self._histogram("request_seconds", "Time to the first byte of the answer", "route")
        self._first = self._histogram("stream_first_seconds", "Time to a stream's first event and token", "of")
        self._parts = self._histogram("part_seconds", "Time of a request in one part", "part")
        self._cache = self._counter("cache_lookups", "Answers by where they came from", "result")
        self._degraded = self._counter("degraded", "Answers on a lower rung of the ladder", "rung")
        self._refused = self._counter("refused", "Requests refused by a limit of the function", "reason")
        self._series = lru_cache(256)(self._series_of)
        self.gauge("memory_pss_bytes", "Memory, of pages shared with other processes this one's part", pss_bytes)
        ProcessCollector(registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"edge_{name}", text, ["function", *labels], registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"edge_{name}", text, ["function", *labels], registry=self.registry, buckets=BUCKETS)

    def observe(self, trace: Trace, outcome: Outcome) -> None:
        """Count one finished request."""
        name = self._function
        count, duration = self._series(outcome.route, outcome.method, outcome.status)
        count.inc()
        duration.observe(outcome.first_byte_s)
        for mark, seconds in trace.first.items():
            self._first.labels(name, mark).observe(seconds)
        for part, taken in trace.seconds.items():
            self._parts.labels(name, part).observe(taken)
        if trace.cache is not None:
            self._cache.labels(name, trace.cache).inc()
        if trace.degraded is not None:
            self._degraded.labels(name, trace.degraded).inc()

    def _series_of(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        return (
            self._requests.labels(self._function, route, method, str(status)),
            self._seconds.labels(self._function, route),
        )

    def refuse(self, reason: str) -> None:
        """Count a request that a limit of the function turned away."""
        self._refused.labels(self._function, reason).inc()

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Expose a number that is read when the metrics are."""
        gauge = Gauge(f"edge_{name}", text, ["function"], registry=self.registry)
        gauge.labels(self._function).set_function(read)

    def count(self, name: str, text: str, read: Callable[[], int]) -> None:
        """Expose a count that something else keeps, read when the metrics are."""
        self.registry.register(_KeptElsewhere(f"edge_{name}", text, self._function, read))

    def render(self) -> bytes:
        """The exposition in Prometheus' text format."""
        return generate_latest(self.registry if self.worker is None else _OfWorker(self.registry, self.worker))
