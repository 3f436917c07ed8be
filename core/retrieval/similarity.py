"""What `similarity` in an answer means: the estimated probability that the passage answers the question."""

import math

import msgspec

DEFAULT_THRESHOLD = 0.5
DECIMALS = 4


class Calibration(msgspec.Struct, frozen=True):
    """How a model's scores become probabilities: at a score of `midpoint` one passage in two is an answer.

    `scale` is what the score must grow by for the odds to grow e-fold (core.retrieval.calibrate fits both).
    """

    midpoint: float
    scale: float


# Platt's scaling of cov alone, for answers without embeddings; tests/integration/test_calibrate.py refits it.
LEXICAL = Calibration(0.485, 0.362)


def similarity(score: float, calibration: Calibration) -> float:
    """Map a score to a number in 0..1, rounded to DECIMALS places; rises with the score."""
    odds = (score - calibration.midpoint) / calibration.scale
    # exp of a large positive number overflows; of a large negative one it is zero.
    chance = 1 / (1 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1 + math.exp(odds))
    return round(chance, DECIMALS)
