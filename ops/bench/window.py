"""What is counted of a round: its window begins after a warm-up and ends while requests are still under way."""

import time

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """`ended` are the right answers that came within the `seconds` of the window, whenever they were asked for.

    `latencies_s` are of the requests sent within it, however late they ended: the ones under way at its end are the
    slow ones, and as many were under way at its begin. `errors`: other answers than 200, and none at all, of either.
    `sent` are all requests, those of the warm-up among them: what time on a core is divided by. `cpu_s` is the
    generator's own.
    """

    seconds: float
    ended: int
    latencies_s: list[float]
    errors: int
    sent: int
    cpu_s: float


class Window:
    """Counts requests; it begins `warm_up_s` from now."""

    def __init__(self, warm_up_s: float, seconds: float) -> None:
        self._seconds = seconds
        self._begin = time.monotonic() + warm_up_s
        self.end = self._begin + seconds
        self.sent = 0
        self._ended = self._errors = 0
        self._latencies_s: list[float] = []

    def add(self, sent_at: float, ended_at: float, *, is_right: bool = True) -> None:
        """One request that came to its end, by time.monotonic()."""
        is_sent_within = self._begin <= sent_at < self.end
        is_ended_within = self._begin <= ended_at < self.end
        if not is_right:
            self._errors += is_sent_within or is_ended_within
            return
        self._ended += is_ended_within
        if is_sent_within:
            self._latencies_s.append(ended_at - sent_at)

    def outcome(self, cpu_s: float) -> Outcome:
        """All of it, once nothing is under way."""
        return Outcome(self._seconds, self._ended, self._latencies_s, self._errors, self.sent, cpu_s)
