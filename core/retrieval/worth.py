"""Whether a model is any good: how often it finds an answer and its score says so."""

from collections.abc import Sequence

import msgspec

from core.retrieval.similarity import Calibration

# On the invented shops all-minilm reaches .67, words without any model .30, random vectors .25 to .33 (decision 4). A
# model of use adds to words at least near half of what a small one does.
USABLE_WORTH = 0.45


class Measured(msgspec.Struct, frozen=True):
    """What the invented shops tell of a model."""

    calibration: Calibration
    worth: float


def worth_of(marks: Sequence[tuple[float, bool]], answerable: int) -> float:
    """How often a question that has an answer gets it with a better score than a wrong passage does, ties by half.

    AUROC alone judges the answers that were found, however few: what random vectors find by shared words stands out.
    `marks` must hold both kinds.
    """
    right = [score for score, is_right in marks if is_right]
    wrong = [score for score, is_right in marks if not is_right]
    above = sum((one > other) + (one == other) / 2 for one in right for other in wrong)
    return above / (answerable * len(wrong))


def is_poor(worth: float | None) -> bool:
    """Whether searches by meaning do more harm than good with such a model; False while nobody has measured it."""
    return worth is not None and worth < USABLE_WORTH
