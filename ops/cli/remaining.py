"""How long an import has left, by the pace of what it writes: what is there unchanged passes much faster."""

from datetime import timedelta

from ops.importing.report import Report


class Pace:
    """Look at the report now and then; what was unchanged since the look before counts neither as work nor as time."""

    def __init__(self, now: float) -> None:
        self._at = now
        self._seen = (0, 0, 0)
        self._bytes = 0.0
        self._seconds = 0.0

    def left_s(self, now: float, report: Report) -> float | None:
        """Seconds for what is not read yet, if all of it is new; None while nothing tells."""
        seen = (report.imported + report.failures, report.unchanged, report.read_bytes)
        done, unchanged, read = (new - old for new, old in zip(seen, self._seen, strict=True))
        share = done / (done + unchanged) if unchanged else 1.0
        self._bytes += read * share
        self._seconds += (now - self._at) * share
        self._at, self._seen = now, seen
        left = report.total_bytes - report.read_bytes
        return left * self._seconds / self._bytes if self._bytes > 0 and left >= 0 else None


def shown(seconds: float | None) -> str:
    """For a person."""
    return "" if seconds is None else f"{timedelta(seconds=round(seconds))} left"
