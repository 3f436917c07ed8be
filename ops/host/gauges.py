"""Counters that a worker writes and a host reads, in memory that both have mapped: no request waits for a report.

The memory has a name in the file system, which is also the worker's record: a host that comes after a killed one finds
by it who still serves. The name is a symlink to the worker's descriptor (memfd_create(2)), not a file with the cells in
it: those would take a block, and on a full disk no worker could start.
"""

import mmap
import os
from bisect import bisect_left
from pathlib import Path
from sys import byteorder
from typing import Self

import msgspec

# Upper bounds in seconds; the last bucket holds what took longer.
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
STARTED_TICKS, HEARTBEATS, IN_FLIGHT, REQUESTS, ERRORS, FIRST_BUCKET = range(6)
# New cells come at the end: a new host reads those of workers that the one before has forked.
ABANDONED = FIRST_BUCKET + len(BUCKETS_S) + 1
FAILED = ABANDONED + 1
CELLS = FAILED + 1
SIZE_BYTES = CELLS * 8
# A client that waited so long for a first byte did not leave because it had lost interest.
ABANDONED_S = 5.0
CLIENT_LEFT = 499  # nginx's status for an answer that nobody waited for


class Reading(msgspec.Struct, frozen=True):
    """Totals since the worker began; `buckets` counts answers by duration, one more than BUCKETS_S.

    `abandoned` are requests without an answer whose client had waited for ABANDONED_S or longer. `errors` are those
    that speak against a release, `failed` all that were answered with 5xx, as the service levels count them.
    """

    heartbeats: int = 0
    in_flight: int = 0
    requests: int = 0
    errors: int = 0
    buckets: tuple[int, ...] = (0,) * (len(BUCKETS_S) + 1)
    abandoned: int = 0
    failed: int = 0

    def __add__(self, other: "Reading") -> "Reading":
        return Reading(
            self.heartbeats + other.heartbeats,
            self.in_flight + other.in_flight,
            self.requests + other.requests,
            self.errors + other.errors,
            tuple(mine + theirs for mine, theirs in zip(self.buckets, other.buckets, strict=True)),
            self.abandoned + other.abandoned,
            self.failed + other.failed,
        )

    def since(self, earlier: "Reading") -> "Reading":
        """What happened after `earlier`; `in_flight` stays what it is now."""
        return Reading(
            self.heartbeats - earlier.heartbeats,
            self.in_flight,
            self.requests - earlier.requests,
            self.errors - earlier.errors,
            tuple(mine - theirs for mine, theirs in zip(self.buckets, earlier.buckets, strict=True)),
            self.abandoned - earlier.abandoned,
            self.failed - earlier.failed,
        )

    def quantile_s(self, q: float) -> float:
        """The upper bound of the bucket that holds quantile `q`; 0 without a request, infinite past the last bound."""
        rest = q * sum(self.buckets)
        for count, bound in zip(self.buckets, (*BUCKETS_S, float("inf")), strict=True):
            rest -= count
            if rest <= 0:
                return bound if sum(self.buckets) else 0.0
        return float("inf")


class Gauges:
    """One worker's cells, eight bytes each. The worker alone writes them; an aligned cell is written at once."""

    # Kept open by the worker, which gives out its number; None for whoever only reads.
    descriptor: int | None = None

    def __init__(self, path: Path) -> None:
        """Map what lies at the path; raises OSError or ValueError when it is not gauges, or its worker has ended."""
        with path.open("r+b") as file:
            size_bytes = min(SIZE_BYTES, os.fstat(file.fileno()).st_size)
            self._memory = mmap.mmap(file.fileno(), size_bytes)
        self._cells = memoryview(self._memory).cast("Q")

    @classmethod
    def create(cls, path: Path, started_ticks: int) -> Self:
        """Make those of this process, complete as soon as they have their name.

        `started_ticks` tells apart processes of one pid.
        """
        descriptor = os.memfd_create(path.name)
        os.write(descriptor, started_ticks.to_bytes(8, byteorder) + bytes(SIZE_BYTES - 8))
        path.unlink(missing_ok=True)  # of an ended process that had this pid
        path.symlink_to(f"/proc/{os.getpid()}/fd/{descriptor}")
        gauges = cls(path)
        gauges.descriptor = descriptor
        return gauges

    @property
    def started_ticks(self) -> int:
        """When the worker's process began, in clock ticks after boot."""
        return int(self._cells[STARTED_TICKS])

    def beat(self) -> None:
        """Say that the event loop turns."""
        self._cells[HEARTBEATS] += 1

    def begin(self) -> None:
        """A request came in."""
        self._cells[IN_FLIGHT] += 1

    def end(self, status: int, seconds: float, *, timed_out: bool = False) -> None:
        """A request was answered.

        A 503 says that a part is down or full, which is no fault of the release, unless it took all of its time.
        """
        cells = self._cells
        cells[IN_FLIGHT] -= 1
        cells[REQUESTS] += 1
        is_failure = status >= 500  # noqa: PLR2004 - HTTP
        cells[FAILED] += is_failure
        cells[ERRORS] += is_failure and (status != 503 or timed_out)  # noqa: PLR2004 - HTTP
        cells[FIRST_BUCKET + bisect_left(BUCKETS_S, seconds)] += 1
        cells[ABANDONED] += status == CLIENT_LEFT and seconds >= ABANDONED_S

    def read(self) -> Reading:
        """The totals now."""
        cells = self._cells
        return Reading(
            cells[HEARTBEATS],
            cells[IN_FLIGHT],
            cells[REQUESTS],
            cells[ERRORS],
            tuple(cells[FIRST_BUCKET:ABANDONED]),
            cells[ABANDONED] if len(cells) > ABANDONED else 0,
            cells[FAILED] if len(cells) > FAILED else 0,
        )

    def close(self) -> None:
        """Unmap."""
        self._cells.release()
        self._memory.close()
