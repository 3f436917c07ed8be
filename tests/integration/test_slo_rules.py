"""Each alert of the generated rules by promtool: firing past its level, silent before it, and for whom."""

import msgspec
import pytest
import yaml

from loadtests.metrics import Counts, Lookups
from ops.slo import series as of
from ops.slo.expressions import CACHE_HITS
from ops.slo.rules import PAGE, rules
from tests.parts.alerting import ALERTS, AT_M, CASES, LEVELS, always, asked, checks, memory, steady
from tests.parts.prometheus import run

HIT_RATES = {"chat": 0.0, "search": 0.5}


def verdict(promtool, folder, series, alert, expected, *, at_m=AT_M, levels=LEVELS, step_m=1):  # noqa: PLR0913
    """Fails unless exactly the expected alerts of that name fire."""
    (folder / "rules.yml").write_text(yaml.safe_dump(rules(levels)))
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{step_m}m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [{"eval_time": f"{at_m * 60:.0f}s", "alertname": alert, "exp_alerts": expected}],
            }
        ],
    }
    (folder / "test.yml").write_text(yaml.safe_dump(test))
    run(promtool, "test", "rules", "test.yml", cwd=folder)


def said(alert, notice, labels, summary):
    return {
        "exp_labels": {"severity": notice.severity, "reaches": ",".join(notice.reaches), **labels},
        "exp_annotations": {"summary": summary, "what_to_do": f"{PAGE}, {alert}"},
    }


def notice_of(alert):
    (name,) = [field.name for field in msgspec.structs.fields(ALERTS) if field.encode_name == alert]
    return getattr(ALERTS, name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_fires_past_its_level_and_says_what_is_wrong(promtool, tmp_path, case):
    expected = [said(case.alert, notice_of(case.alert), case.labels, case.summary)]
    verdict(promtool, tmp_path, case.firing, case.alert, expected, at_m=case.at_m, step_m=case.step_m)


@pytest.mark.parametrize(
    ("case", "why"),
    [(case, why) for case in CASES for why in case.silent],
    ids=lambda part: getattr(part, "alert", part),
)
def test_an_alert_is_silent_before_its_level(promtool, tmp_path, case, why):
    verdict(promtool, tmp_path, case.silent[why], case.alert, [], at_m=case.at_m, step_m=case.step_m)


@pytest.mark.parametrize("case", [case for case in CASES if case.step_m == 1], ids=lambda case: case.alert)
def test_an_alert_waits_for_its_time(promtool, tmp_path, case):
    patience_m = notice_of(case.alert).for_s / 60
    if case.alert == "ServiceDown":
        patience_m += 20  # its check fails from then on
    verdict(promtool, tmp_path, case.firing, case.alert, [], at_m=patience_m - 0.5)


@pytest.mark.parametrize("share", [0.9, 1.1])
def test_workers_that_are_asked_by_turns_are_not_taken_for_restarts(promtool, tmp_path, share):
    failed = ALERTS.high_error_rate.limit * share
    series = {}
    for worker, begun in enumerate((0, 50_000)):
        for status, part in ((200, 1 - failed), (500, failed)):
            counted = [f"{begun + 1000 * part * minute:.6f}" for minute in range(AT_M + 1)]
            counted[1 - worker :: 2] = ["_"] * len(counted[1 - worker :: 2])
            labels = f'function="chat",route="/api/chat",method="POST",status="{status}",worker="{worker}"'
            series[f"{of.REQUESTS}{{{labels}}}"] = " ".join(counted)
    summary = f"chat fails {failed * 100:.4g}% of its requests"
    expected = [said("HighErrorRate", ALERTS.high_error_rate, {"function": "chat"}, summary)] if share > 1 else []
    verdict(promtool, tmp_path, series, "HighErrorRate", expected)


def test_every_alert_of_the_file_has_its_cases():
    assert {field.encode_name for field in msgspec.structs.fields(ALERTS)} == {case.alert for case in CASES} | {
        "Unwatched"
    }


def test_a_backup_that_there_must_be_and_is_not_is_too_old(promtool, tmp_path):
    backup = msgspec.structs.replace(ALERTS.backup_too_old, expected=True)
    levels = msgspec.structs.replace(LEVELS, alerts=msgspec.structs.replace(ALERTS, backup_too_old=backup))
    summary = "the last backup that was restored for a try is too old, or there is none"
    verdict(promtool, tmp_path, {}, "BackupTooOld", [said("BackupTooOld", backup, {}, summary)], levels=levels)


def test_what_is_not_measured_is_an_alert(promtool, tmp_path):
    jobs = {"functions": {"job": "edge"}, "uptime": {"job": "edge_uptime"}, "machine": {}}
    expected = [
        said("Unwatched", ALERTS.unwatched, {"what": what, **labels}, f"nothing measures: {what}")
        for what, labels in jobs.items()
    ]
    verdict(promtool, tmp_path, {}, "Unwatched", expected)
    measured = {'up{job="edge"}': always(1), **checks((1, 30)), **memory(0.5)}
    verdict(promtool, tmp_path, measured, "Unwatched", [])


def burning(windows, sli="requests"):
    found = []
    for burn, window in zip(LEVELS.burn, ("1h", "6h", "3d"), strict=True):
        if window in windows:
            summary = f"by {sli} the month's error budget is spent {burn.factor:g} times as fast as it may be"
            found.append(said("ErrorBudgetBurn", burn, {"sli": sli, "window": window}, summary))
    return found


@pytest.mark.parametrize(
    ("factor", "windows"), [(15, {"1h", "6h", "3d"}), (14, {"6h", "3d"}), (5.5, {"3d"}), (0.9, set())]
)
def test_a_budget_that_burns_calls_the_sooner_the_faster(promtool, tmp_path, factor, windows):
    series = asked(factor * (1 - LEVELS.promised.availability))
    verdict(promtool, tmp_path, series, "ErrorBudgetBurn", burning(windows), at_m=90)


def test_downtime_burns_the_budget_too_and_stops_calling_when_it_is_over(promtool, tmp_path):
    down = checks((1, 100), (0, 10), (1, 90))
    verdict(promtool, tmp_path, down, "ErrorBudgetBurn", burning({"1h", "6h", "3d"}, "uptime"), at_m=108)
    verdict(promtool, tmp_path, down, "ErrorBudgetBurn", burning({"6h", "3d"}, "uptime"), at_m=120)
    verdict(promtool, tmp_path, down, "ErrorBudgetBurn", burning({"3d"}, "uptime"), at_m=150)


@pytest.mark.parametrize(("failures", "windows"), [(1, set()), (3, {"1h"})])
def test_one_failure_of_a_quiet_hour_calls_nobody(promtool, tmp_path, failures, windows):
    """Of thirty requests it is three per cent, and still no outage."""
    labels = 'function="chat",route="/api/chat",method="POST"'
    quiet = {f'{of.REQUESTS}{{{labels},status="200"}}': steady(0.5)}
    failed = {f'{of.REQUESTS}{{{labels},status="500"}}': f"0x56 {failures}x140"}
    verdict(promtool, tmp_path, {**quiet, **failed}, "ErrorBudgetBurn", burning(windows), at_m=59)


def test_an_outage_that_the_cache_bridges_does_not_raise_the_hit_rate(promtool, tmp_path):
    """The panel's figure and the load test's, of the same lookups."""
    counts = {"local": 400, "disk": 100, "miss": 300, "stale": 200}
    series = {f'{of.CACHE_LOOKUPS}{{function="search",result="{result}"}}': steady(a) for result, a in counts.items()}
    series[f'{of.CACHE_LOOKUPS}{{function="chat",result="stale"}}'] = steady(100)
    samples = [{"labels": f'{{function="{name}"}}', "value": value} for name, value in HIT_RATES.items()]
    measured_as(promtool, tmp_path, series, CACHE_HITS, samples)
    lookups = Lookups(began=0.0)
    lookups.take(Counts(dict(counts), started=1.0, memory_bytes=1.0))
    assert HIT_RATES["search"] == lookups.hit_rate


def measured_as(promtool, folder, series, expr, samples):
    """Rounded: Prometheus adds series in any order, so that the last bits of a sum vary."""
    (folder / "rules.yml").write_text(yaml.safe_dump(rules(LEVELS)))
    asked = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": f"round({expr}, {2**-20})", "eval_time": f"{AT_M}m", "exp_samples": samples}],
    }
    (folder / "test.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [asked]}))
    run(promtool, "test", "rules", "test.yml", cwd=folder)
