import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.retrieval.platt import fit
from core.retrieval.similarity import LEXICAL, Calibration, similarity

SCORES = st.floats(-1e6, 1e6)
CALIBRATIONS = st.builds(Calibration, st.floats(-2, 2), st.floats(1e-6, 10))


@given(SCORES, CALIBRATIONS)
def test_similarity_lies_within_zero_and_one_whatever_the_score(score, calibration):
    assert 0 <= similarity(score, calibration) <= 1


@given(SCORES, SCORES, CALIBRATIONS)
def test_a_higher_score_is_never_less_similar(one, other, calibration):
    low, high = sorted((one, other))
    assert similarity(low, calibration) <= similarity(high, calibration)


@given(CALIBRATIONS)
def test_at_the_midpoint_one_passage_in_two_answers(calibration):
    assert similarity(calibration.midpoint, calibration) == 0.5


def test_the_odds_grow_e_fold_with_each_scale():
    calibration = Calibration(0.6, 0.1)
    chance = similarity(0.7, calibration)
    assert chance / (1 - chance) == pytest.approx(math.e, rel=1e-3)


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.floats(0.2, 1.0), st.floats(0.03, 0.3))
def test_the_fit_finds_the_curve_that_the_answers_were_drawn_from(seed, midpoint, scale):
    chance, true = random.Random(seed), Calibration(midpoint, scale)
    scores = [chance.uniform(midpoint - 4 * scale, midpoint + 4 * scale) for _ in range(3000)]
    found = fit([(score, chance.random() < similarity(score, true)) for score in scores])
    assert found.midpoint == pytest.approx(midpoint, abs=scale)
    assert found.scale == pytest.approx(scale, rel=0.3)


def test_perfectly_separated_answers_give_a_finite_curve_between_them():
    found = fit([(0.2, False), (0.3, False), (0.8, True), (0.9, True)])
    assert 0.3 < found.midpoint < 0.8
    assert 0 < found.scale < 1


@given(st.lists(st.tuples(st.floats(-1, 2), st.booleans()), min_size=1, max_size=60))
def test_the_fit_is_a_curve_that_rises_or_an_error(answers):
    try:
        found = fit(answers)
    except ValueError:
        return
    assert math.isfinite(found.midpoint)
    assert 0 < found.scale < math.inf


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [(0.5, True)],
        [(0.5, False), (0.4, False)],
        [(0.5, True), (0.5, False)],
        [(0.1, True), (0.2, True), (0.8, False), (0.9, False)],
    ],
)
def test_scores_that_tell_nothing_are_refused(answers):
    with pytest.raises(ValueError, match=r"."):
        fit(answers)


def test_words_in_common_are_calibrated_too():
    assert similarity(0, LEXICAL) < 0.5 < similarity(1, LEXICAL)
