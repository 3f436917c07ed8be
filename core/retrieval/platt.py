"""Platt's scaling: the logistic curve through scores and whether they were right."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from core.retrieval.similarity import Calibration

MOST_STEPS = 60
ENOUGH = 1e-9  # far below what a float32 column keeps
RIDGE = 1e-9  # keeps a step finite where the scores say nothing


class _Line(NamedTuple):
    slope: float
    offset: float


def fit(answers: Sequence[tuple[float, bool]]) -> Calibration:
    """Fit by logistic regression from pairs of (score, whether the passage did answer the question).

    Newton's method with halved steps (Lin, Lin, Weng 2007) on the targets of Platt (1999), which keep the curve
    finite where a score separates the two perfectly. Raises ValueError unless both kinds occur and a higher score
    means more answers.
    """
    good = sum(answered for _, answered in answers)
    bad = len(answers) - good
    if not good or not bad:
        raise ValueError("calibration needs questions with an answer and questions without one")
    mean = math.fsum(score for score, _ in answers) / len(answers)
    spread = math.sqrt(math.fsum((score - mean) ** 2 for score, _ in answers) / len(answers))
    if not spread:
        raise ValueError("all scores are equal")
    high, low = (good + 1) / (good + 2), 1 / (bad + 2)
    line = _descend([((score - mean) / spread, high if answered else low) for score, answered in answers])
    if line.slope <= ENOUGH:
        raise ValueError("a higher score does not mean more answers under this model")
    return Calibration(mean - spread * line.offset / line.slope, spread / line.slope)


def _descend(points: Sequence[tuple[float, float]]) -> _Line:
    line = _Line(0.0, 0.0)
    loss = _loss(line, points)
    for _ in range(MOST_STEPS):
        step, length = _newton_step(line, points), 1.0
        while length > ENOUGH:
            tried = _Line(line.slope - length * step.slope, line.offset - length * step.offset)
            if (tried_loss := _loss(tried, points)) <= loss:
                break
            length /= 2
        else:
            return line
        line, gained, loss = tried, loss - tried_loss, tried_loss
        if gained < ENOUGH:
            return line
    return line


def _newton_step(line: _Line, points: Sequence[tuple[float, float]]) -> _Line:
    by_slope = by_offset = 0.0
    slope_slope = offset_offset = RIDGE
    slope_offset = 0.0
    for x, target in points:
        chance = 1 / (1 + math.exp(-max(-30.0, min(30.0, line.slope * x + line.offset))))
        weight = chance * (1 - chance)
        by_slope += (chance - target) * x
        by_offset += chance - target
        slope_slope += weight * x * x
        slope_offset += weight * x
        offset_offset += weight
    determinant = slope_slope * offset_offset - slope_offset * slope_offset
    return _Line(
        (offset_offset * by_slope - slope_offset * by_offset) / determinant,
        (slope_slope * by_offset - slope_offset * by_slope) / determinant,
    )


def _loss(line: _Line, points: Sequence[tuple[float, float]]) -> float:
    """Cross-entropy, written so that no exponential overflows."""
    total = 0.0
    for x, target in points:
        odds = line.slope * x + line.offset
        total += math.log1p(math.exp(-abs(odds))) + max(odds, 0.0) - target * odds
    return total
