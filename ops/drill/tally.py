"""What the load generator counts, and what it tells the drill: Structs that travel as lines of JSON."""

import time
from array import array
from collections import Counter

import msgspec

from ops.bench.latency import Latency, summary

EXAMPLES = 3
KINDS = ("write", "kept", "fresh")


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What the generator is to do. `lying` is the release whose 500s are counted apart.

    `mix` is repeated for ever: a `write` or `kept` request goes over a connection that is kept, a `fresh` one over one
    of its own. `streams` are open at any time, each of up to `stream_s` seconds.
    """

    host: str
    port: int
    rate: float
    mix: tuple[str, ...]
    streams: int
    stream_s: float
    first_id: int
    acknowledged_path: str
    lying: str = ""
    warm_up_s: float = 1.0


class Progress(msgspec.Struct, frozen=True, tag=True):
    """One line while it runs. `seen`: function, release, CLOCK_MONOTONIC when another release than before answered."""

    answered: int
    failed: int
    streams_open: int
    seen: tuple[str, str, float] | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The last line. `own` are the generator's faults, such as no free descriptor; none of them is the product's.

    `lag_ms` is the longest that the generator itself was late; a figure beside it is worth as much less.
    """

    seconds: float
    sent: int
    writes: int
    answered: int
    failed: int
    apart: int
    own: int
    acknowledged: int
    streams: int
    streams_complete: int
    streams_cut: int
    least_streams_open: int
    events: int
    lag_ms: float
    troubles: dict[str, int]
    examples: tuple[str, ...]
    latency: dict[str, Latency]


class Tally:
    """Counters of one run; every request ends in exactly one of answered, failed, apart, own."""

    def __init__(self, load: Load) -> None:
        self.writes = self.sent = self.answered = self.failed = self.apart = self.own = 0
        self.streams = self.streams_complete = self.streams_cut = self.events = self.streams_open = 0
        self.least_streams_open = load.streams
        self.lag_s = 0.0
        self.acknowledged = array("q")
        self.troubles: Counter[str] = Counter()
        self.examples: list[str] = []
        self.latency_s = {kind: array("d") for kind in KINDS}
        self.began_at = time.monotonic()
        self._measured_from = self.began_at + load.warm_up_s
        self._lying = load.lying

    def answer(self, kind: str, number: int, sent_at: float) -> None:
        """A request was answered as it should be."""
        now = time.monotonic()
        self.answered += 1
        if kind == "write":
            self.acknowledged.append(number)
        if sent_at >= self._measured_from:
            self.latency_s[kind].append(now - sent_at)

    def wrong_answer(self, kind: str, status: int, release: str, body: bytes) -> None:
        """A request was answered, but not with what it asked for."""
        if status == 500 and release and release == self._lying:  # noqa: PLR2004 - HTTP
            self.apart += 1
        else:
            problem = body.partition(b"urn:problem-type:")[2].partition(b'"')[0].decode()
            self.fail(f"{kind} answered {status} {problem}", f"{release}: {body[:200]!r}")

    def fail(self, trouble: str, detail: str) -> None:
        """A request got no answer, or a wrong one: the product's fault. Troubles of a sort are counted together."""
        self.failed += 1
        self._note(trouble, detail)

    def fail_own(self, detail: str) -> None:
        """A request could not be made: the generator's fault."""
        self.own += 1
        self._note("the generator", detail)

    def cut(self, detail: str) -> None:
        """A stream ended before its end, or events came doubled or out of order."""
        self.streams_cut += 1
        self._note("stream cut", detail)

    def result(self) -> Result:
        """Everything counted."""
        return Result(
            seconds=round(time.monotonic() - self.began_at, 3),
            sent=self.sent,
            writes=self.writes,
            answered=self.answered,
            failed=self.failed,
            apart=self.apart,
            own=self.own,
            acknowledged=len(self.acknowledged),
            streams=self.streams,
            streams_complete=self.streams_complete,
            streams_cut=self.streams_cut,
            least_streams_open=self.least_streams_open,
            events=self.events,
            lag_ms=round(self.lag_s * 1000, 1),
            troubles=dict(self.troubles),
            examples=tuple(self.examples),
            latency={kind: summary(values) for kind, values in self.latency_s.items()},
        )

    def _note(self, trouble: str, detail: str) -> None:
        self.troubles[trouble] += 1
        if self.troubles[trouble] <= EXAMPLES:
            self.examples.append(f"after {time.monotonic() - self.began_at:.2f} s: {trouble}: {detail}")
