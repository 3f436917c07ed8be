"""Each alert of the generated rules by promtool: firing past its level, silent before it, and for whom."""

from typing import NamedTuple

import msgspec
import pytest
import yaml

from loadtests.metrics import Counts, Lookups
from ops.slo import load
from ops.slo import series as of
from ops.slo.expressions import CACHE_HITS
from ops.slo.rules import PAGE, rules
from tests.parts.prometheus import run

LEVELS = load()
ALERTS = LEVELS.alerts
MINUTES = 200
HIT_RATES = {"chat": 0.0, "search": 0.5}
AT_M = 25  # the longest patience of an alert, and the window of its measure
CHECKED = 'job="edge_uptime",instance="https://shop.example/api/health"'
DAY_S = 86_400


def steady(a_minute: float) -> str:
    """A counter that grows by so much a minute."""
    return f"0+{a_minute:.6f}x{MINUTES}"


def always(value: float) -> str:
    return f"{value:.6f}x{MINUTES}"


def asked(share_failed: float, *, a_minute: float = 1000, function: str = "chat", status: int = 500) -> dict[str, str]:
    """Requests of which a share fails."""
    labels = f'function="{function}",route="/api/{function}",method="POST"'
    return {
        f'{of.REQUESTS}{{{labels},status="200"}}': steady(a_minute * (1 - share_failed)),
        f'{of.REQUESTS}{{{labels},status="{status}"}}': steady(a_minute * share_failed),
    }


def failing_since(minute: int, series: dict[str, str]) -> dict[str, str]:
    """The same, without failures before."""
    return {
        name: f"0x{minute - 1} {values}" if 'status="5' in name or 'status="2' not in name else values
        for name, values in series.items()
    }


def answered(share_slow: float, limit_s: float) -> dict[str, str]:
    """Requests of which a share takes one to two times `limit_s`."""
    name = f'{of.RESPONSE_BUCKETS}{{function="chat",route="/api/chat",le="%s"}}'
    return {
        name % f"{limit_s:g}": steady(1000 * (1 - share_slow)),
        name % f"{2 * limit_s:g}": steady(1000),
        name % "+Inf": steady(1000),
    }


def disk(used: float, fstype: str = "ext4") -> dict[str, str]:
    labels = f'instance="vps",mountpoint="/",fstype="{fstype}"'
    return {f"{of.DISK_SIZE}{{{labels}}}": always(1000), f"{of.DISK_AVAILABLE}{{{labels}}}": always(1000 * (1 - used))}


def memory(used: float) -> dict[str, str]:
    name = '{instance="vps"}'
    return {of.MEMORY_TOTAL + name: always(1000), of.MEMORY_AVAILABLE + name: always(1000 * (1 - used))}


def queue(waiting: str, limit: str, used: float) -> dict[str, str]:
    name = '{function="search",instance="127.0.0.1:8080"}'
    return {waiting + name: always(100 * used), limit + name: always(100)}


def degraded(share: float) -> dict[str, str]:
    return asked(0.0, function="search") | {
        f'{of.DEGRADED}{{function="search",rung="embeddings"}}': steady(1000 * share)
    }


def checks(*runs: tuple[int, int], labels: str = CHECKED) -> dict[str, str]:
    """Uptime checks: so many minutes of each result."""
    return {f"{of.PROBE_SUCCESS}{{{labels}}}": " ".join(f"{result}x{minutes - 1}" for result, minutes in runs)}


class Case(NamedTuple):
    """`firing` series with what the alert then says; each of `silent` does not trip it."""

    alert: str
    firing: dict[str, str]
    labels: dict[str, str]
    summary: str
    silent: dict[str, dict[str, str]]
    at_m: int = AT_M
    step_m: int = 1


def cases() -> list[Case]:
    errors, slow, memory_limit = ALERTS.high_error_rate, ALERTS.slow_response_time, ALERTS.high_memory_usage.limit
    certificate, backup_s, deep = ALERTS.certificate_expires.limit, ALERTS.backup_too_old.limit, ALERTS.model_queue_deep
    expiry, backup = f"{of.CERTIFICATE_EXPIRY}{{{CHECKED}}}", f'{of.BACKUP_VERIFIED}{{instance="vps"}}'
    full = ALERTS.disk_full.limit
    backup_at_m = int(backup_s / 60) + 60
    function = 'job="edge",function="chat",instance="127.0.0.1:8080"'
    return [
        Case(
            "HighErrorRate",
            asked(errors.limit * 1.1),
            {"function": "chat"},
            f"chat fails {errors.limit * 110:.4g}% of its requests",
            {
                "under the limit": asked(errors.limit * 0.9),
                "not for long enough": failing_since(AT_M - int(errors.for_s / 60) + 1, asked(errors.limit * 5)),
                "the callers' own mistakes": asked(errors.limit * 5, status=404),
                "the uptime check's 503": asked(errors.limit * 5, function="health", status=503),
            },
        ),
        Case(
            "SlowResponseTime",
            answered(0.06, slow.limit),
            {"function": "chat"},
            f"chat takes {slow.limit * 7 / 6:.4g}s at p95",
            {"fewer than 5 % are slow": answered(0.04, slow.limit)},
        ),
        Case(
            "HighMemoryUsage",
            memory(memory_limit + 0.01),
            {"instance": "vps"},
            f"vps uses {memory_limit * 100 + 1:.4g}% of its memory",
            {"under the limit": memory(memory_limit - 0.01)},
        ),
        Case(
            "DiskFull",
            disk(full + 0.01),
            {"instance": "vps", "mountpoint": "/", "fstype": "ext4"},
            f"/ of vps is {full * 100 + 1:.4g}% full",
            {"under the limit": disk(full - 0.01), "memory that looks like a disk": disk(1, "tmpfs")},
        ),
        Case(
            "ServiceDown",
            checks((1, 20), (0, 10)),
            {"job": "edge_uptime", "instance": "https://shop.example/api/health"},
            "the uptime check of https://shop.example/api/health fails",
            {
                "it does not fail": checks((1, 30)),
                "it failed and is well again": checks((1, 10), (0, 5), (1, 15)),
                "it fails since just now": checks((1, AT_M), (0, 1)),
                "another check": checks((0, 30), labels='job="other"'),
            },
        ),
        Case(
            "FunctionDown",
            {f"up{{{function}}}": always(0)},
            {"job": "edge", "function": "chat", "instance": "127.0.0.1:8080"},
            "chat does not answer",
            {"it answers": {f"up{{{function}}}": always(1)}, "another job": {'up{job="node"}': always(0)}},
        ),
        Case(
            "CertificateExpires",
            {expiry: f"{60 * MINUTES + certificate / 2}x{MINUTES}"},
            {"job": "edge_uptime", "instance": "https://shop.example/api/health"},
            f"the certificate of https://shop.example/api/health ends in {certificate / 2 / DAY_S:g}d 0h 0m 0s",
            {"enough time left": {expiry: f"{60 * MINUTES + certificate + 60}x{MINUTES}"}},
            at_m=MINUTES,
            step_m=20,
        ),
        Case(
            "BackupTooOld",
            {backup: f"1x{backup_at_m}"},
            {"instance": "vps"},
            "the last backup that was restored for a try is too old, or there is none",
            {"young enough": {backup: f"{backup_at_m * 60 - backup_s / 2}x{backup_at_m}"}, "nobody makes any": {}},
            at_m=backup_at_m,
            step_m=20,
        ),
        Case(
            "AnswersDegraded",
            degraded(ALERTS.answers_degraded.limit * 1.1),
            {"function": "search", "rung": "embeddings"},
            f"search answers {ALERTS.answers_degraded.limit * 110:.4g}% without embeddings",
            {"under the limit": degraded(ALERTS.answers_degraded.limit * 0.9)},
        ),
        Case(
            "AnswersDegraded",
            {f'{of.CIRCUIT_OPEN}{{function="search"}}': always(1)},
            {"function": "search", "rung": "circuit"},
            "search does not ask the embedding model any more",
            {"it is asked": {f'{of.CIRCUIT_OPEN}{{function="search"}}': always(0)}},
        ),
        *(
            Case(
                "ModelQueueDeep",
                queue(waiting, limit, deep.limit * 1.1),
                {"function": "search", "model": model},
                f"search has {deep.limit * 110:.4g}% of the {model} model's queue taken",
                {"under the limit": queue(waiting, limit, deep.limit * 0.9)},
            )
            for model, waiting, limit in (
                ("embedding", of.EMBED_WAITING, of.EMBED_LIMIT),
                ("chat", of.CHAT_WAITING, of.CHAT_LIMIT),
            )
        ),
    ]


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


CASES = cases()


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
