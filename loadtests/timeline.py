"""A run over time: a sample is what was added to the statistics since the one before."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from loadtests.evidence import Evidence, Sample, merged
from ops.percentile import percentile


class Timeline:
    """Samples of a run that began at `began` of the same clock as `take` is given."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._times: Counter[float] = Counter()
        self._counts = (0, 0, 0)
        self.samples: list[Sample] = []

    def take(self, now: float, users: int, evidence: Evidence) -> None:
        """Add a sample."""
        times = merged(evidence.answers)
        fresh = times - self._times
        counts = (evidence.requests, evidence.failed, evidence.refused)
        self.samples.append(
            Sample(
                round(now - self._began, 3),
                users,
                *(count - before for count, before in zip(counts, self._counts, strict=True)),
                *(percentile(fresh, share) for share in (0.5, 0.95, 0.99)),
            )
        )
        self._times, self._counts = times, counts


def write_csv(path: Path, samples: Sequence[Sample]) -> None:
    """The samples as a table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Sample.__struct_fields__)
        writer.writerows(msgspec.structs.astuple(sample) for sample in samples)
