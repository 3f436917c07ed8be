"""The colours of the health page: each level at its line, and what is measured over time and over deploys."""

import time

import msgspec
import pytest

from core.observe.colours import Colours, read
from core.settings import Settings
from ops.host.gauges import BUCKETS_S, Gauges, Reading
from ops.host.vitals import EVERY_S, NAME, Vitals
from ops.slo import load
from ops.slo.colours import Colour, Spent, colours, windows
from ops.slo.expressions import WINDOW_S

LEVELS = load()
PROMISED = LEVELS.promised
MANY = 100_000
QUIET = dict.fromkeys(windows(LEVELS), Spent(0, 0))


def answered(*, requests: int = MANY, failed: int = 0, slow: float = 0.0, took_s: float = 0.005) -> Reading:
    """A share of the requests took `took_s`, the bound of a bucket, the others next to nothing."""
    buckets = [0] * (len(BUCKETS_S) + 1)
    buckets[0] = requests - round(requests * slow)
    buckets[BUCKETS_S.index(took_s)] += round(requests * slow)
    return Reading(requests=requests, failed=failed, buckets=tuple(buckets))


def seen(*readings: Reading) -> dict[str, str]:
    return {name: colour.name.lower() for name, colour in colours(LEVELS, readings, QUIET).items()}


@pytest.mark.parametrize(
    ("share", "colour"),
    [
        (0.0, "green"),
        (PROMISED.error_rate, "green"),
        (PROMISED.error_rate + 0.001, "amber"),
        (PROMISED.error_rate_critical, "amber"),
        (PROMISED.error_rate_critical + 0.001, "red"),
    ],
)
def test_errors_are_amber_past_what_is_promised_and_red_where_it_is_critical(share, colour):
    found = seen(answered(), answered(failed=round(share * MANY)))
    assert (colour, colour) == (found["errors"], found["overall"])


@pytest.mark.parametrize(
    ("slow", "took_s", "late"),
    [
        (0.6, 1.0, {}),
        (0.6, 2.0, {"p50": "amber"}),
        (0.4, 2.0, {}),
        (0.06, 3.0, {"p95": "amber"}),
        (0.06, 5.0, {"p95": "red", "p99": "amber"}),
        (0.02, 3.0, {}),
        (0.02, 5.0, {"p99": "amber"}),
    ],
)
def test_response_times_have_their_colour_past_their_level_and_not_at_it(slow, took_s, late):
    found = seen(answered(slow=slow, took_s=took_s))
    assert {"p50": "green", "p95": "green", "p99": "green"} | late == {q: found[q] for q in ("p50", "p95", "p99")}


def test_too_few_requests_say_nothing_and_neither_does_a_service_that_nobody_asks():
    few = LEVELS.rollback.least_requests - 1
    for found in (seen(), seen(answered(requests=few, failed=few))):
        assert {"grey"} == set(found.values())


@pytest.mark.parametrize("burn", LEVELS.burn, ids=lambda burn: f"{burn.factor:g}")
def test_a_budget_that_goes_too_fast_over_both_windows_has_the_colour_of_its_alert(burn):
    share = burn.factor * (1 - PROMISED.availability)
    over, under = (Spent(10 * MANY, round(10 * MANY * share * part)) for part in (1.01, 0.99))
    expected = Colour.RED if burn.severity == "critical" else Colour.AMBER
    calm = dict.fromkeys(QUIET, Spent(MANY, 0))
    assert expected == colours(LEVELS, [], calm | {burn.long_s: over, burn.short_s: over})["budget"]
    for spent in ({burn.long_s: over, burn.short_s: under}, {burn.long_s: under, burn.short_s: over}):
        assert Colour.GREEN == colours(LEVELS, [], calm | spent)["budget"]


def test_one_failure_of_a_quiet_hour_burns_nothing():
    assert Colour.GREEN == colours(LEVELS, [], dict.fromkeys(QUIET, Spent(1, 1)))["budget"]


def test_a_level_of_a_response_time_is_the_bound_of_a_bucket_of_the_host():
    times = {PROMISED.response_p50_s, PROMISED.response_p95_s, PROMISED.response_p99_s}
    assert times | {LEVELS.alerts.slow_response_time.limit} <= set(BUCKETS_S)


def test_a_503_fails_a_visitor_and_does_not_speak_against_a_release(tmp_path):
    gauges = Gauges.create(tmp_path / "one.1.7", 0)
    for status in (200, 404, 500, 503):
        gauges.begin()
        gauges.end(status, 0.1)
    assert (4, 1, 2) == (gauges.read().requests, gauges.read().errors, gauges.read().failed)


def test_what_was_answered_before_is_forgotten_and_a_new_release_begins_at_nothing(tmp_path):
    vitals = Vitals(tmp_path / NAME)
    bad, good = answered(requests=100, failed=100), answered(requests=1000)
    vitals.take(0, {("one", 1): bad})
    assert Colour.RED == vitals.judged(0)["errors"]
    vitals.take(10, {("one", 1): bad, ("one", 2): good})
    assert Colour.RED == vitals.judged(10)["errors"]
    vitals.take(20, {("one", 2): good})  # of which nothing is new
    assert Colour.RED == vitals.judged(20)["errors"]
    vitals.take(WINDOW_S, {("one", 2): good})
    assert Colour.GREEN == vitals.judged(WINDOW_S)["errors"]
    vitals.take(WINDOW_S + 10, {("one", 2): good})
    assert Colour.GREY == vitals.judged(WINDOW_S + 10)["errors"]


def test_the_month_is_spent_by_what_failed_long_ago(tmp_path):
    vitals = Vitals(tmp_path / NAME)
    vitals.take(0, {("one", 1): answered(requests=1000, failed=1000)})
    assert Colour.RED == vitals.judged(0)["budget"]
    short_s = max(burn.short_s for burn in LEVELS.burn)
    vitals.take(short_s + 120, {("one", 1): answered(requests=1001, failed=1000)})
    assert Colour.GREEN == vitals.judged(short_s + 120)["budget"]


def test_what_the_health_function_answers_is_no_failure_of_the_service(tmp_path):
    vitals = Vitals(tmp_path / NAME)
    vitals.take(0, {("health", 1): answered(requests=100, failed=100)})
    assert {Colour.GREY} == set(vitals.judged(0).values())


def test_the_page_reads_what_the_host_left_and_is_grey_when_that_is_old_or_not_there(tmp_path):
    settings = Settings(home=tmp_path)
    assert Colours() == read(settings)
    (tmp_path / "run").mkdir()
    vitals = Vitals(tmp_path / "run" / NAME)
    vitals.tick(EVERY_S, [(("one", 1), answered(requests=1000, failed=20))])
    assert Colours("red", errors="amber", p50="green", p95="green", p99="green", budget="red") == read(settings)
    left = msgspec.json.decode((tmp_path / "run" / NAME).read_bytes())
    (tmp_path / "run" / NAME).write_bytes(msgspec.json.encode(left | {"at": time.time() - 60}))
    assert Colours() == read(settings)
    (tmp_path / "run" / NAME).write_bytes(b"{")
    assert Colours() == read(settings)
