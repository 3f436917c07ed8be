"""Judges a release after its flip: the rollback triggers of ops/slo.toml over a sliding window."""

from collections import deque
from collections.abc import Mapping
from typing import Self

import msgspec

from ops.host.gauges import BUCKETS_S, Reading
from ops.slo.levels import Rollback, load_gate, load_rollback
from ops.slo.slips import LevelsError

FAULTS = 3  # after so many of its own a release does not come up, where ops/slo.toml does not tell
SMOKE_S = 10.0  # that a smoke request may take, where it does not tell either
DRAIN_S = 300.0  # how long a stream on the old generation may go on; nginx/config.py gives its old workers the same


class Triggers(Rollback, frozen=True):
    """When a release is taken back; times in seconds."""

    @classmethod
    def read(cls, scale: float = 1.0) -> Self:
        """The triggers of ops/slo.toml as it is now, their times multiplied by `scale`; raises LevelsError."""
        found = cls(**msgspec.structs.asdict(load_rollback()))
        return msgspec.structs.replace(
            found,
            error_rate_for_s=found.error_rate_for_s * scale,
            p95_for_s=found.p95_for_s * scale,
            crashes_within_s=found.crashes_within_s * scale,
        )

    def for_timeout(self, timeout_s: float) -> Self:
        """The triggers of a function that may take `timeout_s`: one made for long work is not slow for doing it."""
        return msgspec.structs.replace(self, p95_s=max(self.p95_s, timeout_s / 2))


class Rules(msgspec.Struct, frozen=True):
    """When a release is taken back, and for how long the one before may go on with what it began.

    `scale` multiplies the times of the triggers, which are read at each change: a slip in their file keeps nobody from
    serving, and when it is mended the next change is watched. `workers` are numbers of workers by function that an
    operator set over those of the manifests. With `has_router` somebody tells when visitors do not come to a removed
    function any more.
    """

    scale: float = 1.0
    drain_s: float = DRAIN_S
    workers: Mapping[str, int] = {}
    has_router: bool = False

    def triggers(self) -> Triggers:
        """Those in force for a change that is made now; raises LevelsError."""
        return Triggers.read(self.scale)

    def smoke_s(self) -> float:
        """How long a smoke request may take."""
        try:
            return load_gate().smoke_s
        except LevelsError:
            return SMOKE_S

    def most_faults(self) -> int:
        """How many a release may have when it is brought up again."""
        try:
            return self.triggers().crashes
        except LevelsError:
            return FAULTS


class Watch:
    """One release under watch. Feed it a reading a second; it answers with the reason to take the release back.

    A level counts as broken for its time when it is broken over the window of that length that ends now,
    and has been watched for that long.
    """

    def __init__(self, triggers: Triggers, now_s: float) -> None:
        self._triggers = triggers
        self._began_s = now_s
        self._readings: deque[tuple[float, Reading]] = deque([(now_s, Reading())])
        self._crashes_s: deque[float] = deque()

    def crashed(self, now_s: float) -> str | None:
        """A worker ended by itself; returns the reason when it did so too often."""
        rules = self._triggers
        self._crashes_s.append(now_s)
        while now_s - self._crashes_s[0] > rules.crashes_within_s:
            self._crashes_s.popleft()
        if len(self._crashes_s) >= rules.crashes:
            return f"down: its workers ended {len(self._crashes_s)} times within {rules.crashes_within_s:g} s"
        return None

    def feed(self, now_s: float, total: Reading) -> str | None:
        """Take a reading (totals over all workers of the release) and return the reason to roll back, if any."""
        rules = self._triggers
        self._readings.append((now_s, total))
        longest = max(rules.error_rate_for_s, rules.p95_for_s)
        while len(self._readings) > 1 and now_s - self._readings[1][0] >= longest:
            self._readings.popleft()
        return self._errors(now_s, total) or self._slowness(now_s, total)

    def _errors(self, now_s: float, total: Reading) -> str | None:
        rules = self._triggers
        window = self._window(now_s, total, rules.error_rate_for_s)
        if window is None or window.requests < rules.least_requests:
            return None
        if (rate := window.errors / window.requests) > rules.error_rate:
            return f"errors {rate:.0%} of {window.requests} answers over {rules.error_rate_for_s:g} s"
        if (rate := window.abandoned / window.requests) > rules.abandoned_rate:
            return f"hangs: {rate:.0%} of {window.requests} clients left without an answer, each after seconds"
        return None

    def _slowness(self, now_s: float, total: Reading) -> str | None:
        rules = self._triggers
        if rules.p95_s > BUCKETS_S[-1]:  # the gauges cannot tell
            return None
        window = self._window(now_s, total, rules.p95_for_s)
        if window is None or window.requests < rules.least_requests:
            return None
        p95_s = window.quantile_s(0.95)
        return f"p95 over {rules.p95_s:g} s for {rules.p95_for_s:g} s" if p95_s > rules.p95_s else None

    def _window(self, now_s: float, total: Reading, length_s: float) -> Reading | None:
        """What happened in the last `length_s`, None while the watch is younger."""
        if now_s - self._began_s < length_s:
            return None
        before = Reading()
        for at_s, reading in self._readings:
            if now_s - at_s < length_s:
                break
            before = reading
        return total.since(before)
