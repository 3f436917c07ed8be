"""How often an answer is found and its score says so, and which models are too poor to be moved to."""

import pytest

from core.retrieval.worth import USABLE_WORTH, is_poor, worth_of


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([(0.9, True), (0.1, False)], 1.0),
        ([(0.1, True), (0.9, False)], 0.0),
        ([(0.5, True), (0.9, True), (0.5, False)], 0.75),
        ([(0.9, True)] * 2 + [(0.1, False)] * 3, 1.0),
    ],
)
def test_worth_is_how_often_right_scores_above_wrong_with_ties_by_half(marks, expected):
    right = sum(is_right for _, is_right in marks)
    assert expected == worth_of(marks, right)
    assert expected / 2 == worth_of(marks, 2 * right)


def test_a_model_is_poor_below_what_any_usable_one_reaches_and_not_while_unmeasured():
    assert [True, False, False] == [is_poor(0.33), is_poor(USABLE_WORTH), is_poor(None)]
