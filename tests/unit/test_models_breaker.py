import pytest

from core.errors import ModelUnavailable
from core.models.breaker import COOL_DOWN_S, FAILURES, LONGEST_COOL_DOWN_S, Breaker


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def opened(clock):
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.begin()
        breaker.failure()
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not():
    breaker = Breaker(Clock())
    for _ in range(FAILURES):
        breaker.failure()
        breaker.success()
    assert breaker.state == "closed"
    assert opened(Clock()).state == "open"


def test_open_it_refuses_at_once_and_says_when_to_come_back():
    with pytest.raises(ModelUnavailable) as refused:
        opened(Clock()).begin()
    assert refused.value.retry_after_s == 1


def test_after_the_cool_down_one_probe_is_let_through():
    clock = Clock()
    breaker = opened(clock)
    clock.now += COOL_DOWN_S
    breaker.begin()
    assert breaker.state == "half-open"
    with pytest.raises(ModelUnavailable):
        breaker.begin()
    breaker.success()
    breaker.begin()
    assert breaker.state == "closed"


def test_a_failed_probe_doubles_the_cool_down_up_to_its_limit():
    clock = Clock()
    breaker = opened(clock)
    waits = [COOL_DOWN_S]
    for _ in range(8):
        clock.now += waits[-1]
        breaker.begin()
        breaker.failure()
        waits.append(breaker._probe_at - clock.now)
    assert waits[1] == 2 * waits[0]
    assert waits[-1] == LONGEST_COOL_DOWN_S


def test_a_probe_that_was_given_up_leaves_its_place_to_the_next_call():
    clock = Clock()
    breaker = opened(clock)
    clock.now += COOL_DOWN_S
    breaker.begin()
    breaker.withdraw()
    breaker.begin()
    assert breaker.state == "half-open"


def test_late_failures_of_older_calls_do_not_prolong_it():
    clock = Clock()
    breaker = opened(clock)
    clock.now += COOL_DOWN_S / 2
    breaker.failure()
    breaker.trip()
    clock.now += COOL_DOWN_S / 2
    breaker.check()


def test_the_late_success_of_an_older_call_closes_it():
    breaker = opened(Clock())
    breaker.success()
    breaker.begin()
    assert breaker.state == "closed"
