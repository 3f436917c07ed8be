"""The nearest rank, and how many samples it takes to tell one."""

import pytest

from ops.bench.latency import Latency, summary
from ops.percentile import percentile, percentile_of


def test_a_percentile_is_the_least_time_that_so_many_were_within():
    assert [10, 10, 20, 30] == [percentile({10: 5, 20: 4, 30: 1}, share) for share in (0.1, 0.5, 0.9, 0.99)]
    assert percentile({}, 0.5) is None


@pytest.mark.parametrize("count", [1, 2, 3, 20, 99, 100, 101, 1000])
def test_it_is_the_first_with_so_many_at_or_below_it(count: int):
    for share in (0.5, 0.95, 0.99):
        found = percentile_of(range(1, count + 1), share)
        assert found >= share * count
        assert found - 1 < share * count


def test_the_95th_of_a_hundred_is_the_95th_and_the_middle_of_two_the_lower():
    assert Latency(100, 50, 95, 99, 100) == summary(number / 1000 for number in range(1, 101))
    assert 1 == summary([0.001, 0.002]).p50


@pytest.mark.parametrize(
    ("count", "told"), [(0, (0, 0, 0)), (1, (1, 0, 0)), (19, (1, 0, 0)), (20, (1, 1, 0)), (100, (1, 1, 1))]
)
def test_no_quantile_is_told_of_too_few_samples(count: int, told: tuple[int, ...]):
    found = summary([0.001] * count)
    assert told == tuple(value is not None for value in (found.p50, found.p95, found.p99))
