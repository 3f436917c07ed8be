"""What a call will take, learnt from those that were."""

import random

import pytest

from core.models.pace import MOST_AT_ONCE, TEXT_S, Pace


def learnt(sizes, seconds):
    pace = Pace()
    for texts in sizes:
        pace.observe(texts, seconds(texts))
    return pace


def test_a_call_has_a_time_of_its_own_and_one_for_each_text():
    chance = random.Random(1)
    pace = learnt([chance.randint(1, 8) for _ in range(60)], lambda texts: 0.1 + 0.01 * texts)
    assert [pace.call_s(texts) for texts in (1, 8)] == pytest.approx([0.11, 0.18], rel=0.01)


def test_calls_of_one_size_alone_tell_of_that_size_and_of_others_in_proportion():
    pace = learnt([4] * 60, lambda texts: 0.05 * texts)
    assert [pace.call_s(texts) for texts in (4, 8)] == pytest.approx([0.2, 0.4], rel=0.1)


def test_before_the_first_call_each_text_has_a_usual_time():
    assert [Pace().call_s(texts) for texts in (1, 8)] == pytest.approx([TEXT_S, 8 * TEXT_S])


def test_larger_calls_that_happened_to_be_fast_make_no_time_negative():
    pace = learnt([1, 8] * 30, lambda texts: 0.5 / texts)
    assert pace.call_s(1) >= 0
    assert pace.call_s(8) >= pace.call_s(1)


def test_one_stalled_call_is_hardly_believed_and_many_are():
    pace = learnt([2, 4] * 30, lambda texts: 0.02 * texts)
    usual = pace.call_s(4)
    pace.observe(4, 100 * usual)
    assert pace.call_s(4) < MOST_AT_ONCE * usual
    for _ in range(20):
        pace.observe(4, 100 * usual)
    assert pace.call_s(4) > 50 * usual
