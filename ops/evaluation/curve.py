"""The picture of a calibration: an SVG of its curve and of what was observed, written by hand for want of a plotter.

matplotlib would be 90 MB of installation for one line and a dozen circles.
"""

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from core.retrieval.similarity import DEFAULT_THRESHOLD, Calibration, similarity

WIDTH, HEIGHT = 760, 480
LEFT, TOP, RIGHT, BOTTOM = 64, 76, 24, 56
TICK = 6
LABEL = 180
GROUPS = 10
STEPS = 120
STYLE = """
text { font: 13px sans-serif; fill: #333 } .title { font-size: 16px; font-weight: bold } .end { text-anchor: end }
.middle { text-anchor: middle } line, path { fill: none; stroke: #ccc } .after { stroke: #0b6e4f; stroke-width: 2.5 }
.before { stroke: #888; stroke-width: 1.5; stroke-dasharray: 6 5 } .cut { stroke: #b23; stroke-dasharray: 2 3 }
.seen { fill: #0b6e4f; fill-opacity: .35; stroke: #0b6e4f } .range { stroke: #0b6e4f }
.right { stroke: #0b6e4f; stroke-opacity: .5 } .wrong { stroke: #b23; stroke-opacity: .5 }
"""
LEGEND = (
    "Solid: now. Dashed: before. Circles: the share of a tenth of the questions that was right,",
    "with its 95 % interval. Each tick is a question: right at the top, wrong at the bottom.",
)
Mark = tuple[float, bool]


class _Frame:
    """Scores and probabilities as places in the picture."""

    def __init__(self, marks: Sequence[Mark]) -> None:
        scores = [score for score, _ in marks]
        self.low, self.high = math.floor(min(scores) * 10) / 10, math.ceil(max(scores) * 10) / 10

    def x(self, score: float) -> float:
        return round(LEFT + (score - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, chance: float) -> float:
        return round(HEIGHT - BOTTOM - chance * (HEIGHT - TOP - BOTTOM), 1)


def drawing(title: str, marks: Sequence[Mark], before: Calibration, after: Calibration) -> str:
    """The SVG: `after` drawn through, `before` dashed, a circle a tenth of the questions, a tick a question.

    Circles stand at the share that was right, with its 95 % interval (Wilson 1927); ticks of right ones at the top.
    """
    frame = _Frame(marks)
    parts = [
        *_axes(frame),
        *(_tick(frame, mark) for mark in marks),
        _line(frame, before, "before"),
        _line(frame, after, "after"),
        *(part for group in _groups(marks) for part in _circle(frame, group)),
        *_cut(frame, after),
        f'<text class="title" x="{LEFT}" y="24">{escape(title)}, {len(marks)} questions</text>',
        *(f'<text x="{LEFT}" y="{44 + 17 * row}">{line}</text>' for row, line in enumerate(LEGEND)),
    ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">\n'
        f'<style>{STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _axes(frame: _Frame) -> list[str]:
    bottom = frame.y(0)
    turned = f"translate(16 {(TOP + bottom) / 2}) rotate(-90)"
    parts = [
        f'<text class="middle" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}">score of the best passage</text>',
        f'<text class="middle" transform="{turned}">probability that it answers</text>',
    ]
    for tenth in range(0, 11, 2):
        y = frame.y(tenth / 10)
        parts.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>')
        parts.append(f'<text class="end" x="{LEFT - 8}" y="{y + 4}">{tenth / 10:.1f}</text>')
    for tenth in range(round(frame.low * 10), round(frame.high * 10) + 1):
        x = frame.x(tenth / 10)
        parts.append(f'<line x1="{x}" y1="{bottom}" x2="{x}" y2="{bottom + 5}"/>')
        parts.append(f'<text class="middle" x="{x}" y="{bottom + 20}">{tenth / 10:.1f}</text>')
    return parts


def _line(frame: _Frame, calibration: Calibration, kind: str) -> str:
    scores = [frame.low + (frame.high - frame.low) * step / STEPS for step in range(STEPS + 1)]
    points = " L".join(f"{frame.x(score)} {frame.y(similarity(score, calibration))}" for score in scores)
    return f'<path class="{kind}" d="M{points}"/>'


def _cut(frame: _Frame, after: Calibration) -> list[str]:
    if not frame.low <= after.midpoint <= frame.high:
        return []
    x = frame.x(after.midpoint)
    # To the left of the curve there is room, unless there is no left.
    anchor, beside = ("end", x - 6) if x > LEFT + LABEL else ("start", x + 6)
    label = f"threshold {DEFAULT_THRESHOLD} at {after.midpoint:.3f}"
    return [
        f'<line class="cut" x1="{x}" y1="{frame.y(1)}" x2="{x}" y2="{frame.y(0)}"/>',
        f'<text text-anchor="{anchor}" x="{beside}" y="{frame.y(0.9)}">{label}</text>',
    ]


def _tick(frame: _Frame, mark: Mark) -> str:
    score, right = mark
    x, y = frame.x(score), frame.y(1) + TICK if right else frame.y(0) - 2 * TICK
    return f'<line class="{"right" if right else "wrong"}" x1="{x}" y1="{y}" x2="{x}" y2="{y + TICK}"/>'


def _groups(marks: Sequence[Mark]) -> list[Sequence[Mark]]:
    ordered = sorted(marks)
    ends = [place * len(ordered) // GROUPS for place in range(GROUPS + 1)]
    return [ordered[start:end] for start, end in pairwise(ends) if end > start]


def _circle(frame: _Frame, group: Sequence[Mark]) -> tuple[str, str]:
    x = frame.x(sum(score for score, _ in group) / len(group))
    right = sum(right for _, right in group)
    low, high = interval(right, len(group))
    return (
        f'<line class="range" x1="{x}" y1="{frame.y(low)}" x2="{x}" y2="{frame.y(high)}"/>',
        f'<circle class="seen" cx="{x}" cy="{frame.y(right / len(group))}" r="6"/>',
    )


def interval(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    z = 1.96
    share, weight = right / count, z * z / count
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)
