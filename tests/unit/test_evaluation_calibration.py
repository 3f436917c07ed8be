"""The figures beside a calibration, on scores small enough to be worked out by hand."""

import math

import pytest

from core.db.models import ModelRow
from core.retrieval.lens import PROVISIONAL
from core.retrieval.similarity import Calibration
from ops.evaluation.calibration import judged
from ops.evaluation.curve import drawing, interval

ROW = ModelRow(1, "digest", "a <model>", 3, "", "", midpoint=0.5, scale=0.1)
SHOP = [(0.1, False), (0.45, True), (0.55, False), (0.9, True)]


def test_before_and_after_are_judged_by_the_same_questions():
    report = judged(ROW, {"one": SHOP, "other": SHOP}, 6)
    assert (8, 4, 0.75, 0.5) == (report.questions, report.answered, report.auroc, report.worth)
    assert 0.5 == report.before_fitness.right
    assert report.after_fitness.brier < report.before_fitness.brier
    chances = [(1 / (1 + math.exp(-(score - 0.5) / 0.1)), right) for score, right in SHOP]
    brier = sum((chance - right) ** 2 for chance, right in chances) / 4
    assert report.before_fitness.brier == pytest.approx(brier, abs=1e-4)


def test_a_model_that_nobody_measured_has_borrowed_figures_before():
    row = ModelRow(1, "unknown", "m", 3, "", "")
    assert ("borrowed", PROVISIONAL) == (judged(row, {"a": SHOP, "b": SHOP}, 4).origin, PROVISIONAL)


def test_the_picture_escapes_the_name_and_keeps_off_a_threshold_that_no_score_reaches():
    picture = drawing("a <model>", SHOP, Calibration(0.5, 0.1), Calibration(5.0, 0.1))
    assert "a &lt;model&gt;" in picture
    assert "threshold" not in picture
    assert "threshold 0.5 at 0.500" in drawing("m", SHOP, Calibration(0.5, 0.1), Calibration(0.5, 0.1))


def test_wilsons_interval_holds_the_share_and_stays_within_0_and_1():
    assert (0.0, pytest.approx(0.2775, abs=1e-3)) == interval(0, 10)
    low, high = interval(5, 10)
    assert (low, high) == (pytest.approx(0.2366, abs=1e-3), pytest.approx(0.7634, abs=1e-3))
