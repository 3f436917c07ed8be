"""What a load test makes of its figures: the verdict, and an overloaded system told apart from a broken one."""

from types import SimpleNamespace

import pytest

from loadtests.catalogue import SCENARIOS
from loadtests.criteria import CUT, FIRST_EVENT, LEVELS, SEARCH, STREAM, goodput_kept
from loadtests.evidence import Evidence, Fault, Sample, Total, percentile
from loadtests.outcomes import REFUSED, outcome_of, told
from loadtests.shapes import Window
from loadtests.verdict import Criterion, judge, text

PROBLEM = {"content-type": "application/problem+json", "retry-after": "3"}
GOOD = {"hit rate": 0.6, "repeats": 0.7, "defects": 0}


def total(name=SEARCH, kind="POST", *, failures=0, **times_ms) -> Total:
    """`t20=3`: three requests took 20 ms."""
    times = {float(key[1:]): count for key, count in times_ms.items()}
    return Total(name, kind, sum(times.values()), failures, max(times, default=0.0), times, {}, {})


def rows_of(scenario: str, evidence: Evidence) -> dict:
    return {row.name: row for row in judge(scenario, SCENARIOS[scenario].criteria, evidence).rows}


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, "answered"),
        (503, PROBLEM, "refused"),
        (503, {"content-type": "application/problem+json"}, "broken"),
        (503, {"content-type": "text/html", "retry-after": "3"}, "broken"),
        (429, PROBLEM, "limited"),
        (500, PROBLEM, "broken"),
        (404, PROBLEM, "broken"),
        (0, {}, "broken"),
    ],
)
def test_only_a_503_that_says_when_to_come_back_is_a_refusal(status, headers, outcome):
    assert outcome == outcome_of(status, headers)


def test_a_limited_client_is_told_what_to_set():
    assert "EDGE_RATE_LIMIT_EXEMPT" in told("limited", 429)


def test_the_ramp_passes_with_each_search_answered_in_time():
    verdict = judge("ramp", SCENARIOS["ramp"].criteria, Evidence([total(t20=99, t499=1)], notes=GOOD))
    assert verdict.passed
    assert 0 == verdict.exit_status


def test_a_single_slow_search_breaks_the_ramp():
    verdict = judge("ramp", SCENARIOS["ramp"].criteria, Evidence([total(t20=999, t500=1)], notes=GOOD))
    assert [("slowest search s", 0.5)] == [(row.name, row.limit) for row in verdict.rows if not row.kept]
    assert 3 == verdict.exit_status
    assert "BROKEN" in text(verdict)


def test_a_search_without_a_200_breaks_the_ramp_be_it_refused_or_wrong():
    wrong = Evidence([total(t20=999, failures=1)], notes=GOOD)
    refused = Evidence([total(t20=999), total(SEARCH + REFUSED, t20=1, failures=1)], notes=GOOD)
    for evidence in (wrong, refused):
        assert not rows_of("ramp", evidence)["searches without a 200"].kept


def test_a_cache_that_hits_too_seldom_or_does_not_say_breaks_the_ramp():
    for rate in (LEVELS.promised.cache_hit_rate, None):
        row = rows_of("ramp", Evidence([total(t20=9)], notes={**GOOD, "hit rate": rate}))["cache hit rate of search"]
        assert (rate, False) == (row.value, row.kept)


def test_nothing_asked_is_not_passed():
    assert not judge("ramp", [], Evidence([])).passed


def test_a_run_that_was_ended_before_its_time_is_not_passed_however_good():
    verdict = judge("ramp", SCENARIOS["ramp"].criteria, Evidence([total(t20=99)], notes=GOOD, finished=False))
    assert all(row.kept for row in verdict.rows)
    assert 3 == verdict.exit_status
    assert "before its time" in verdict.said


def test_who_was_only_refused_was_overloaded_and_who_got_anything_else_was_broken():
    never = [Criterion("refused", lambda evidence: evidence.refused, "<=", 0)]
    refused = total(SEARCH + REFUSED, t20=5)
    assert "overloaded, not broken" in judge("ramp", never, Evidence([total(t20=9), refused])).said
    assert "overloaded" not in judge("ramp", never, Evidence([total(t20=9, failures=1), refused])).said


def test_measures_of_their_own_are_no_requests():
    evidence = Evidence([total(STREAM, t90=3), total(FIRST_EVENT, "SSE", t5=3)])
    assert 3 == evidence.requests
    assert 0.09 == evidence.percentile_s(0.5)


def test_streams_that_were_cut_are_counted_by_what_was_said_of_them():
    said = [
        Fault(STREAM, f"CatchResponseError('{CUT} it ended without its last event')", 2),
        Fault(SEARCH, "broken", 1),
    ]
    row = rows_of("mixed", Evidence([total(t20=9)], said, notes=GOOD))["streams cut"]
    assert (2, False) == (row.value, row.kept)


def test_goodput_is_what_was_right_within_the_window_and_refusals_do_not_count_for_it():
    seconds = range(100, 120)
    good = Total(SEARCH, "POST", 300, 20, 9, {}, dict.fromkeys(seconds, 15), dict.fromkeys(range(110, 120), 2))
    refused = Total(SEARCH + REFUSED, "POST", 400, 0, 9, {}, dict.fromkeys(range(110, 120), 40), {})
    windows = {"full": Window(100, 110), "double": Window(110, 120)}
    evidence = Evidence([good, refused], windows=windows)
    assert (15, 55) == (evidence.offered("full"), evidence.offered("double"))
    assert (15, 13) == (evidence.goodput("full"), evidence.goodput("double"))
    assert (0, 40) == (evidence.turned_away("full"), evidence.turned_away("double"))


def overloaded(*, full: tuple[int, int], double: tuple[int, int]) -> Evidence:
    """So many answers and refusals a second, for ten seconds each; nothing else is wrong."""
    windows = {"full": Window(100, 110), "double": Window(110, 120)}
    answers, refusals = (
        {second: (full, double)[second >= 110][place] for second in range(100, 120)} for place in (0, 1)
    )
    return Evidence(
        [
            Total(SEARCH, "POST", sum(answers.values()), 0, 20, {20.0: sum(answers.values())}, answers, {}),
            Total(SEARCH + REFUSED, "POST", sum(refusals.values()), 0, 5, {5.0: sum(refusals.values())}, refusals, {}),
        ],
        windows=windows,
        notes=GOOD,
    )


def test_an_overloaded_system_that_keeps_its_goodput_passes():
    evidence = overloaded(full=(15, 3), double=(14, 22))
    assert 14 / 15 == goodput_kept(evidence)
    assert judge("overload", SCENARIOS["overload"].criteria, evidence).passed


@pytest.mark.parametrize(
    ("full", "double", "broken"),
    [
        ((19, 0), (30, 0), {"refused of them, full", "offered, doubled to full"}),
        ((19, 1), (20, 20), {"refused of them, full"}),
        ((15, 5), (16, 14), {"offered, doubled to full"}),
    ],
)
def test_a_run_that_overloaded_nothing_does_not_pass_and_measures_no_goodput(full, double, broken):
    evidence = overloaded(full=full, double=double)
    rows = rows_of("overload", evidence)
    kept = rows["goodput kept when load doubles"]
    assert (None, False) == (kept.value, kept.kept)
    assert broken <= {name for name, row in rows.items() if not row.kept}
    assert not judge("overload", SCENARIOS["overload"].criteria, evidence).passed


def test_a_system_that_was_never_full_says_nothing_of_overload():
    rows = rows_of("overload", Evidence([total(t20=9)], notes=GOOD))
    assert not rows["goodput kept when load doubles"].kept
    assert not rows["refused (503 with Retry-After)"].kept


def test_a_drift_is_seen_at_the_end_of_a_soak():
    def samples(late_ms):
        return [
            Sample(second, 30, 9, 0, 9, 600 if second == 3 else late_ms if second > 75 else 20, 99)
            for second in range(100)
        ]

    for late_ms, kept in ((20, True), (800, False)):
        evidence = Evidence([total(t20=9)], samples=samples(late_ms), notes=GOOD)
        assert kept == rows_of("soak", evidence)["p95 s at the end"].kept


def test_a_percentile_is_the_least_time_that_so_many_were_within():
    assert [10, 10, 20, 30] == [percentile({10: 5, 20: 4, 30: 1}, share) for share in (0.1, 0.5, 0.9, 0.99)]
    assert percentile({}, 0.5) is None


def test_totals_are_taken_from_locusts_statistics():
    entry = SimpleNamespace(
        name=SEARCH, method="POST", num_requests=2, num_failures=1, max_response_time=31.5,
        response_times={31.0: 2}, num_reqs_per_sec={100: 2}, num_fail_per_sec={100: 1},
    )  # fmt: skip
    taken = Total.of(entry)
    assert (2, 1, 31.5, {100: 2}, {100: 1}) == (
        taken.requests, taken.failures, taken.slowest_ms, taken.ended_at, taken.failed_at,
    )  # fmt: skip
