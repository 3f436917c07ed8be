"""The picture of a run: latency over time, and beside it users and rates, as one SVG."""

from collections.abc import Sequence
from pathlib import Path

import leather

from loadtests.evidence import Sample

WIDTH, HEIGHT = 1400, 520
COLOURS = {"p50": "#0b6e4f", "p95": "#d08700", "p99": "#b23030"}


def draw(path: Path, title: str, samples: Sequence[Sample], limit_ms: float | None) -> None:
    """Write the SVG; `limit_ms` is drawn across as a dashed line."""
    # An axis of no length cannot be drawn.
    end_s = max(1.0, samples[-1].at_s if samples else 0.0)
    grid = leather.Grid()
    grid.add_many([_latency(title, samples, end_s, limit_ms), _load(samples, end_s)])
    grid.to_svg(str(path), WIDTH, HEIGHT)


def _latency(title: str, samples: Sequence[Sample], end_s: float, limit_ms: float | None) -> leather.Chart:
    chart = leather.Chart(f"{title}: response time")
    lines = {
        name: [(sample.at_s, value) for sample in samples if (value := getattr(sample, f"{name}_ms")) is not None]
        for name in COLOURS
    }
    highest = max((value for line in lines.values() for _, value in line), default=1.0)
    chart.add_x_scale(0, end_s)
    chart.add_y_scale(0, max(1.0, highest * 1.05, limit_ms or 0.0))
    chart.add_x_axis(name="seconds")
    chart.add_y_axis(name="ms")
    for name, line in lines.items():
        if line:
            chart.add_line(line, name=name, stroke_color=COLOURS[name])
    if limit_ms is not None:
        limit = [(0, limit_ms), (end_s, limit_ms)]
        chart.add_line(limit, name=f"limit {limit_ms:g} ms", stroke_color="#888", stroke_dasharray="6,5")
    return chart


def _load(samples: Sequence[Sample], end_s: float) -> leather.Chart:
    chart = leather.Chart("users and requests a second")
    rates = _rates(samples, "requests")
    users = [(0.0, 0), *((sample.at_s, sample.users) for sample in samples)]
    chart.add_x_scale(0, end_s)
    chart.add_y_scale(0, max(1.0, *(value for _, value in [*rates, *users, (0, 1.0)])))
    chart.add_x_axis(name="seconds")
    for name, line, colour in (
        ("users", users, "#888"),
        ("requests/s", rates, "#0b6e4f"),
        ("refused/s", _rates(samples, "refused"), "#c98a00"),
        ("failed/s", _rates(samples, "failures"), "#b23030"),
    ):
        if line:
            chart.add_line(line, name=name, stroke_color=colour)
    return chart


def _rates(samples: Sequence[Sample], what: str) -> list[tuple[float, float]]:
    """By the second, at the end of each sample."""
    pairs = zip([0.0, *(sample.at_s for sample in samples)], samples, strict=False)
    return [(sample.at_s, getattr(sample, what) / max(0.001, sample.at_s - before)) for before, sample in pairs]
