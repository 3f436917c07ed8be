"""What a load test makes of its figures: the verdict, and an overloaded system told apart from a broken one."""

import re
from argparse import Namespace
from types import SimpleNamespace

import pytest

from loadtests.__main__ import GATING, status_of, was_late
from loadtests.catalogue import SCENARIOS
from loadtests.criteria import (
    CHAT_OF_A_SHOP,
    CUT,
    DEGRADED,
    FIRST_EVENT,
    FOUND,
    LEVELS,
    LIST_OF_A_SHOP,
    LOST,
    MISSING,
    OF_A_SHOP,
    RATING,
    SEARCH,
    STREAM,
    kept_of_best,
)
from loadtests.evidence import Evidence, Fault, Sample, Total, least_for, percentile
from loadtests.options import Options
from loadtests.outcomes import REFUSED, outcome_of, told
from loadtests.questions import Questions
from loadtests.shapes import Window
from loadtests.verdict import Criterion, judge, text
from loadtests.watching import Watching

PROBLEM = {"content-type": "application/problem+json", "retry-after": "3"}
GOOD = {"hit rate": 0.6, "repeats": 0.7, "defects": 0}
KEPT = "goodput kept of the best, "


def total(name=SEARCH, kind="POST", *, failures=0, **times_ms) -> Total:
    """`t20=3`: three requests took 20 ms."""
    times = {float(key[1:]): count for key, count in times_ms.items()}
    return Total(name, kind, sum(times.values()), failures, max(times, default=0.0), times, {}, {})


HITS = total(FOUND, "NOTE", t0=1)


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
    verdict = judge("ramp", SCENARIOS["ramp"].criteria, Evidence([total(t20=99, t499=1), HITS], notes=GOOD))
    assert verdict.passed
    assert 0 == verdict.exit_status


def test_a_single_slow_search_breaks_the_ramp():
    verdict = judge("ramp", SCENARIOS["ramp"].criteria, Evidence([total(t20=999, t500=1), HITS], notes=GOOD))
    assert [("slowest search s", 0.5)] == [(row.name, row.limit) for row in verdict.rows if not row.kept]
    assert 3 == verdict.exit_status
    assert "BROKEN" in text(verdict)


def test_a_search_without_a_200_breaks_the_ramp_be_it_refused_or_wrong():
    wrong = Evidence([total(t20=999, failures=1)], notes=GOOD)
    refused = Evidence([total(t20=999), total(SEARCH + REFUSED, t20=1, failures=1)], notes=GOOD)
    for evidence in (wrong, refused):
        assert not rows_of("ramp", evidence)["searches without a 200, or wrong"].kept


def test_a_cache_that_hits_too_seldom_or_does_not_say_breaks_the_ramp():
    for rate in (LEVELS.promised.cache_hit_rate, None):
        row = rows_of("ramp", Evidence([total(t20=9)], notes={**GOOD, "hit rate": rate}))["cache hit rate of search"]
        assert (rate, False) == (row.value, row.kept)


def test_nothing_asked_is_not_passed():
    assert not judge("ramp", [], Evidence([])).passed


def test_a_run_that_was_ended_before_its_time_is_not_passed_however_good():
    verdict = judge("ramp", SCENARIOS["ramp"].criteria, Evidence([total(t20=99), HITS], notes=GOOD, finished=False))
    assert all(row.kept for row in verdict.rows)
    assert 3 == verdict.exit_status
    assert "before its time" in verdict.said


def test_who_was_only_refused_was_overloaded_and_who_got_anything_else_was_broken():
    never = [Criterion("refused", lambda evidence: evidence.refused, "<=", 0)]
    refused = total(SEARCH + REFUSED, t20=5)
    assert "overloaded, not broken" in judge("ramp", never, Evidence([total(t20=9), refused])).said
    assert "overloaded" not in judge("ramp", never, Evidence([total(t20=9, failures=1), refused])).said
    hits = Criterion("hits", lambda evidence: evidence.notes["hit rate"], ">", 0.4)
    evidence = Evidence([total(t20=9), refused], notes={"hit rate": 0.3})
    assert "not passed" == judge("ramp", [*never, hits], evidence).said


def test_measures_of_their_own_are_no_requests():
    evidence = Evidence([total(STREAM, t90=10), total(FIRST_EVENT, "NOTE", t5=10)])
    assert 10 == evidence.requests
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


def overloaded(*, full: tuple[int, int], double: tuple[int, int], grown: int = 0, faults=()) -> Evidence:
    """So many answers and refusals a second, for twenty seconds each; `grown` answers a second before that."""
    windows = {"full": Window(100, 120), "double": Window(120, 140)}
    answers, refusals = (
        {second: (full, double)[second >= 120][place] for second in range(100, 140)} for place in (0, 1)
    )
    answers |= dict.fromkeys(range(80, 100), grown)
    return Evidence(
        [
            Total(SEARCH, "POST", sum(answers.values()), 0, 20, {20.0: sum(answers.values())}, answers, {}),
            Total(SEARCH + REFUSED, "POST", sum(refusals.values()), 0, 5, {5.0: sum(refusals.values())}, refusals, {}),
            HITS,
        ],
        faults,
        windows=windows,
        notes=GOOD,
    )


def test_an_overloaded_system_that_keeps_its_goodput_passes():
    evidence = overloaded(full=(15, 3), double=(14, 22))
    assert (1, 14 / 15) == tuple(kept_of_best(evidence, window) for window in ("full", "double"))
    assert judge("overload", SCENARIOS["overload"].criteria, evidence).passed


def test_a_system_that_refuses_nobody_when_twice_as_many_ask_was_not_full():
    rows = rows_of("overload", overloaded(full=(15, 3), double=(36, 0)))
    assert [None, None] == [rows[f"{KEPT}{window}"].value for window in ("full", "doubled")]


@pytest.mark.parametrize(
    ("full", "double", "grown", "broken"),
    [
        ((45, 9), (78, 30), 0, {"full"}),
        ((15, 3), (11, 25), 0, {"doubled"}),
        ((15, 3), (15, 21), 20, {"full", "doubled"}),
        ((17, 3), (17, 23), 20, set()),
    ],
)
def test_goodput_is_held_to_the_best_of_the_run_be_it_before_within_or_after_the_full_system(
    full, double, grown, broken
):
    rows = rows_of("overload", overloaded(full=full, double=double, grown=grown))
    assert broken == {name.removeprefix(KEPT) for name, row in rows.items() if not row.kept}


def test_a_run_cut_short_is_held_to_half_of_what_is_to_last_and_to_all_the_rest():
    whole, short = (
        {row.name: row for row in judge("overload", SCENARIOS["overload"].criteria_at(scale), evidence).rows}
        for evidence in [overloaded(full=(15, 3), double=(8, 28))]
        for scale in (1.0, 0.05)
    )
    changed = {name for name, row in short.items() if row.limit != whole[name].limit}
    assert {f"{KEPT}full", f"{KEPT}doubled"} == changed
    assert [False, True] == [rows[f"{KEPT}doubled"].kept for rows in (whole, short)]
    collapsed = overloaded(full=(15, 3), double=(5, 31))
    assert not judge("overload", SCENARIOS["overload"].criteria_at(0.05), collapsed).passed


def test_the_best_goodput_is_of_ten_seconds_on_end_and_a_burst_is_not_it():
    seconds = dict.fromkeys(range(100, 130), 10) | {110: 30}
    best = Evidence([Total(SEARCH, "POST", 0, 0, 9, {}, seconds, {})]).best_goodput(10)
    assert 12 == best
    assert Evidence([Total(SEARCH, "POST", 0, 0, 9, {}, dict.fromkeys(range(9), 10), {})]).best_goodput(10) is None
    wrong = dict.fromkeys(range(100, 130), 4)
    assert 8 == Evidence([Total(SEARCH, "POST", 0, 0, 9, {}, seconds, wrong)]).best_goodput(10)


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
    assert {(None, False)} == {(row.value, row.kept) for name, row in rows.items() if name.startswith(KEPT)}
    assert broken <= {name for name, row in rows.items() if not row.kept}
    assert not judge("overload", SCENARIOS["overload"].criteria, evidence).passed


def test_a_system_that_was_never_full_says_nothing_of_overload():
    rows = rows_of("overload", Evidence([total(t20=9)], notes=GOOD))
    assert not rows[f"{KEPT}full"].kept
    assert not rows[f"{KEPT}doubled"].kept
    assert not rows["refused (503 with Retry-After)"].kept


def test_the_gate_overloads():
    assert "overload" in GATING


@pytest.mark.parametrize("scenario", ["ramp", "mixed", "spike", "soak", "deploys", "overload"])
def test_less_than_was_promised_is_broken_wherever_visitors_search(scenario: str):
    degraded = [Fault(SEARCH, f"CatchResponseError('{DEGRADED} embeddings')", 1)]
    row = rows_of(scenario, Evidence([total(t20=9, failures=1), HITS], degraded, notes=GOOD))["degraded answers"]
    assert (1, False) == (row.value, row.kept)


@pytest.mark.parametrize("scenario", ["ramp", "mixed", "spike", "soak", "deploys", "overload"])
def test_searches_that_find_nothing_at_all_are_not_passed(scenario: str):
    assert not rows_of(scenario, Evidence([total(t20=99)], notes=GOOD))[FOUND].kept


@pytest.mark.parametrize(
    ("scenario", "names"),
    [
        ("mixed", {"streams read to the end", "ratings taken", "chat, first event, p95 s"}),
        ("soak", {"streams read to the end", "ratings taken", "memory of search, end to begin"}),
        ("deploys", {"streams read to the end", "deploys", "deploys refused or not made"}),
        ("shops", {f"{kind} looked through" for kind in ("searches", "chats", "lists")}),
        ("writes", {"looked at after a write"}),
    ],
)
def test_what_never_happened_is_not_passed(scenario: str, names: set[str]):
    rows = rows_of(scenario, Evidence([total("health", "GET", t20=99)], notes=GOOD))
    assert set() == {name for name in names if rows[name].kept}


def test_rows_that_are_missing_and_conversations_that_are_lost_are_named():
    said = [Fault(OF_A_SHOP, f"('{MISSING} x')", 2), Fault(STREAM, f"('{LOST} x')", 3)]
    evidence = Evidence([total(name, t20=3) for name in (OF_A_SHOP, CHAT_OF_A_SHOP, LIST_OF_A_SHOP, RATING)], said)
    assert (2, 3) == (
        rows_of("shops", evidence)["rows that are missing"].value,
        rows_of("mixed", evidence)["conversations not kept"].value,
    )


def test_only_a_run_that_broke_nothing_but_a_limit_of_time_is_late():
    criteria = SCENARIOS["ramp"].criteria
    slow, wrong = [total(t20=99, t600=1), HITS], [total(t20=99, t600=1, failures=1), HITS]
    assert judge("ramp", criteria, Evidence(slow, notes=GOOD)).late
    for other in (
        Evidence(wrong, notes=GOOD),
        Evidence(slow, notes={**GOOD, "hit rate": 0.2}),
        Evidence(slow, notes=GOOD, finished=False),
        Evidence([total(t20=99), HITS], notes=GOOD),
        Evidence([total("health", "GET", t20=99), HITS], notes=GOOD),
        Evidence([]),
    ):
        assert not judge("ramp", criteria, other).late


def test_a_time_that_was_not_measured_is_no_reason_to_try_again():
    slowest = [criterion for criterion in SCENARIOS["ramp"].criteria if criterion.name == "slowest search s"]
    verdict = judge("ramp", slowest, Evidence([total("health", "GET", t20=99)]))
    assert (False, False) == (verdict.passed, verdict.late)


@pytest.mark.parametrize(
    ("status", "told", "again"),
    [
        (3, '{"late": true}', True),
        (3, '{"la', False),
        (3, '{"late": false}', False),
        (3, "", False),
        (0, "", False),
        (2, "", False),
    ],
)
def test_the_gate_tries_again_only_what_was_late(tmp_path, status: int, told: str, again: bool):  # noqa: FBT001
    (tmp_path / "verdict.json").write_text(told)
    assert again == was_late(status, tmp_path / "verdict.json")


def test_a_scenario_that_was_killed_has_not_passed():
    assert [0, 3, 137] == [status_of(returncode) for returncode in (0, 3, -9)]


def test_every_limit_on_seconds_is_one_of_time_and_no_other_is():
    for scenario in SCENARIOS.values():
        timed = {criterion.name for criterion in scenario.criteria if criterion.timed}
        limited = {criterion.name for criterion in scenario.criteria if criterion.limit is not None}
        assert {name for name in limited if re.search(r"\bs\b(?!\))", name)} == timed


def test_a_drift_is_seen_at_the_end_of_a_soak():
    def samples(late_ms):
        return [
            Sample(second, 30, 9, 0, 0, 9, 600 if second == 3 else late_ms if second > 75 else 20, 99)
            for second in range(100)
        ]

    for late_ms, kept in ((20, True), (800, False)):
        evidence = Evidence([total(t20=9)], samples=samples(late_ms), notes=GOOD)
        assert kept == rows_of("soak", evidence)["p95 s at the end"].kept


def test_a_percentile_is_the_least_time_that_so_many_were_within():
    assert [10, 10, 20, 30] == [percentile({10: 5, 20: 4, 30: 1}, share) for share in (0.1, 0.5, 0.9, 0.99)]
    assert percentile({}, 0.5) is None


def test_a_quantile_or_a_share_of_a_few_is_not_measured_and_not_kept():
    rows = rows_of("ramp", Evidence([total(t20=49), HITS], notes=GOOD))
    few = {"response p99 s", "failed or refused, share"}
    assert {(None, False)} == {(rows[name].value, rows[name].kept) for name in few}
    assert rows["response p95 s"].kept
    assert [10, 10, 50] == [least_for(share) for share in (0.5, 0.95, 0.99)]
    assert not rows_of("ramp", Evidence([total(t20=9), HITS], notes=GOOD))["response p50 s"].kept


def watching(runner: SimpleNamespace) -> Watching:
    given = Namespace(scenario="ramp", scale="0.05", key="", shop="1", questions="")
    return Watching(runner, Options.of("http://127.0.0.1:1", given), Questions(["a?"], "t"), report_every_s=1)


def a_runner(**more: int) -> SimpleNamespace:
    return SimpleNamespace(stats=SimpleNamespace(entries={}, errors={}), exceptions={}, user_count=0, **more)


def test_a_worker_that_is_lost_in_the_middle_is_a_defect_of_the_run():
    runner = a_runner(worker_count=2)
    run = watching(runner)
    for runner.worker_count in (1, 2, 2):  # they come one after another, which is no loss
        run.users(1.0)
    assert 0 == run.evidence().notes["defects"]
    for runner.worker_count in (1, 2):
        run.users(2.0)
    assert 1 == run.evidence().notes["defects"]
    assert ["workers that were lost in the middle: 1"] == run.complaints


def test_a_run_whose_figures_were_thrown_away_does_not_pass():
    run = watching(a_runner())
    run.forget()
    assert 1 == run.evidence().notes["defects"]
    assert ["the statistics were reset while it went on"] == run.complaints


def test_totals_are_taken_from_locusts_statistics():
    entry = SimpleNamespace(
        name=SEARCH, method="POST", num_requests=2, num_failures=1, max_response_time=31.5,
        response_times={31.0: 2}, num_reqs_per_sec={100: 2}, num_fail_per_sec={100: 1},
    )  # fmt: skip
    taken = Total.of(entry)
    assert (2, 1, 31.5, {100: 2}, {100: 1}) == (
        taken.requests, taken.failures, taken.slowest_ms, taken.ended_at, taken.failed_at,
    )  # fmt: skip
