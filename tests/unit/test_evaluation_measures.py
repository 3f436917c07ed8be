"""The measures on rankings small enough to be worked out by hand."""

import math

import numpy as np
import pytest

from ops.evaluation.measures import Ranking, auroc, measure

RELEVANT = {"first": {"a": 1}, "third": {"c": 1}, "never": {"z": 1}, "foreign": {}}
RANKINGS = {
    "first": Ranking(("a", "b", "c"), 0.9),
    "third": Ranking(("a", "b", "c"), 0.4),
    "never": Ranking((), None),
    "foreign": Ranking(("b",), 0.5),
}


def test_the_means_are_over_the_judged_queries_those_without_an_answer_included():
    means = measure(RELEVANT, RANKINGS).means
    assert {
        "ndcg@10": pytest.approx((1 + 1 / math.log2(4) + 0) / 3),
        "recall@10": pytest.approx(2 / 3),
        "mrr@10": pytest.approx((1 + 1 / 3 + 0) / 3),
        "acc@1": pytest.approx(1 / 3),
        "auroc": pytest.approx(1 / 3),
    } == means


def test_the_order_of_the_search_counts_and_not_the_order_of_ids():
    for order in ("abc", "cba", "bac"):
        worth = measure({"q": {order[0]: 1}}, {"q": Ranking(tuple(order), 1.0)})
        assert 1.0 == worth.means["acc@1"]


def test_grades_weigh_in_ndcg():
    grades = {"q": {"a": 2, "b": 1}}
    good = measure(grades, {"q": Ranking(("a", "b"), 1.0)}).means["ndcg@10"]
    worse = measure(grades, {"q": Ranking(("b", "a"), 1.0)}).means["ndcg@10"]
    assert 1.0 == pytest.approx(good)
    assert worse < good


def test_without_foreign_queries_there_is_no_auroc():
    worth = measure({"q": {"a": 1}}, {"q": Ranking(("a",), 1.0)})
    assert (None, None) == (worth.means["auroc"], worth.intervals["auroc"])


def test_ties_count_by_half_in_auroc():
    assert 0.5 == auroc(np.array([0.5, 0.5]), np.array([0.5]))
    assert 0.75 == auroc(np.array([0.5, 0.9]), np.array([0.5]))


def test_the_interval_holds_the_mean_and_is_the_same_every_time():
    relevant = {str(number): {"a": 1} for number in range(50)}
    rankings = {name: Ranking(("a",) if int(name) % 3 else ("b",), 0.5) for name in relevant}
    one, other = measure(relevant, rankings), measure(relevant, rankings)
    low, high = one.intervals["acc@1"]
    assert low < one.means["acc@1"] < high
    assert one.intervals == other.intervals
