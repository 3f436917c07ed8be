"""Prometheus' rules: what is measured under a name of its own, and the alerts of ops/slo.toml on it."""

from collections.abc import Iterator
from typing import Any

from ops.slo import expressions as measured
from ops.slo import series as of
from ops.slo.levels import Burn, Levels, Notice

PAGE = "docs/service-levels.md"

Rule = dict[str, Any]


def rules(levels: Levels) -> dict[str, Any]:
    """The file of rules, as data."""
    groups = {
        "edge_measures": [*_measures(), *_unavailability(levels)],
        "edge_alerts": [*_requests(levels), *_machine(levels), *_models(levels), *_unwatched(levels)],
        "edge_error_budget": [_budget(levels, burn) for burn in levels.burn],
    }
    return {"groups": [{"name": name, "rules": found} for name, found in groups.items()]}


def _measures() -> Iterator[Rule]:
    yield {"record": measured.ERRORS, "expr": f"{measured.errors()} / {measured.rate(of.REQUESTS)}"}
    yield {"record": measured.DEGRADED, "expr": measured.degraded()}
    yield {"record": measured.CACHE_HITS, "expr": measured.cache_hits()}
    for q in measured.QUANTILES:
        yield {"record": measured.response(q), "expr": measured.quantile(q, of.RESPONSE_BUCKETS)}


def _unavailability(levels: Levels) -> Iterator[Rule]:
    least = levels.promised.availability_least_rate
    windows = {window_s for burn in levels.burn for window_s in (burn.long_s, burn.short_s)}
    for window_s in sorted(windows | {measured.WINDOW_S}):
        failed, asked = measured.errors(window_s, ""), measured.rate(of.REQUESTS, window_s=window_s, by="")
        missed = f"max(1 - avg_over_time({measured.UPTIME}[{measured.duration(window_s)}]))"
        for sli, expr in (("requests", f"{failed} / clamp_min({asked}, {least:.10g})"), ("uptime", missed)):
            yield {"record": measured.unavailable(window_s), "expr": expr, "labels": {"sli": sli}}


def _alert(name: str, notice: Notice | Burn, expr: str, summary: str, **labels: str) -> Rule:
    patience = {"for": measured.duration(notice.for_s)} if isinstance(notice, Notice) else {}
    return {
        "alert": name,
        "expr": expr,
        **patience,
        "labels": {"severity": notice.severity, "reaches": ",".join(notice.reaches), **labels},
        "annotations": {"summary": summary, "what_to_do": f"{PAGE}, {name}"},
    }


def _requests(levels: Levels) -> Iterator[Rule]:
    alerts = levels.alerts
    yield _alert(
        "HighErrorRate",
        alerts.high_error_rate,
        f"{measured.ERRORS} > {alerts.high_error_rate.limit:.10g}",
        "{{ $labels.function }} fails {{ $value | humanizePercentage }} of its requests",
    )
    yield _alert(
        "SlowResponseTime",
        alerts.slow_response_time,
        f"{measured.response(0.95)} > {alerts.slow_response_time.limit:.10g}",
        "{{ $labels.function }} takes {{ $value | humanizeDuration }} at p95",
    )
    yield _alert(
        "ServiceDown",
        alerts.service_down,
        f"{measured.UPTIME} == 0",
        "the uptime check of {{ $labels.instance }} fails",
    )
    yield _alert(
        "FunctionDown",
        alerts.function_down,
        f"{measured.FUNCTIONS_UP} == 0",
        "{{ $labels.function }} does not answer",
    )


def _machine(levels: Levels) -> Iterator[Rule]:
    alerts = levels.alerts
    yield _alert(
        "HighMemoryUsage",
        alerts.high_memory_usage,
        f"{measured.memory_used()} > {alerts.high_memory_usage.limit:.10g}",
        "{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its memory",
    )
    yield _alert(
        "DiskFull",
        alerts.disk_full,
        f"{measured.disk_used()} > {alerts.disk_full.limit:.10g}",
        "{{ $labels.mountpoint }} of {{ $labels.instance }} is {{ $value | humanizePercentage }} full",
    )
    yield _alert(
        "CertificateExpires",
        alerts.certificate_expires,
        f"{measured.certificate_left()} < {alerts.certificate_expires.limit:.10g}",
        "the certificate of {{ $labels.instance }} ends in {{ $value | humanizeDuration }}",
    )
    backup = alerts.backup_too_old
    missing = f" or absent({of.BACKUP_VERIFIED})" if backup.expected else ""
    yield _alert(
        "BackupTooOld",
        backup,
        f"{measured.backup_age()} > {backup.limit:.10g}{missing}",
        "the last backup that was restored for a try is too old, or there is none",
    )


def _models(levels: Levels) -> Iterator[Rule]:
    yield from _queues(levels)
    yield from _degraded(levels)


def _queues(levels: Levels) -> Iterator[Rule]:
    deep = levels.alerts.model_queue_deep
    for model, waiting, limit in (
        ("embedding", of.EMBED_WAITING, of.EMBED_LIMIT),
        ("chat", of.CHAT_WAITING, of.CHAT_LIMIT),
    ):
        yield _alert(
            "ModelQueueDeep",
            deep,
            f"{measured.queue_used(waiting, limit)} > {deep.limit:.10g}",
            f"{{{{ $labels.function }}}} has {{{{ $value | humanizePercentage }}}} of the {model} model's queue taken",
            model=model,
        )


def _degraded(levels: Levels) -> Iterator[Rule]:
    degraded = levels.alerts.answers_degraded
    yield _alert(
        "AnswersDegraded",
        degraded,
        f"{measured.DEGRADED} > {degraded.limit:.10g}",
        "{{ $labels.function }} answers {{ $value | humanizePercentage }} without {{ $labels.rung }}",
    )
    summary = "{{ $labels.function }} does not ask the embedding model any more"
    yield _alert("AnswersDegraded", degraded, f"{measured.circuit_open()} > 0", summary, rung="circuit")


def _unwatched(levels: Levels) -> Iterator[Rule]:
    for what, selected in (
        ("functions", measured.FUNCTIONS_UP),
        ("uptime", measured.UPTIME),
        ("machine", of.MEMORY_TOTAL),
    ):
        summary = f"nothing measures: {what}"
        yield _alert("Unwatched", levels.alerts.unwatched, f"absent({selected})", summary, what=what)


def _budget(levels: Levels, burn: Burn) -> Rule:
    allowed = f"{burn.factor:.10g} * {1 - levels.promised.availability:.10g}"
    long, short = measured.unavailable(burn.long_s), measured.unavailable(burn.short_s)
    return _alert(
        "ErrorBudgetBurn",
        burn,
        f"{long} > {allowed} and {short} > {allowed}",
        f"by {{{{ $labels.sli }}}} the month's error budget is spent {burn.factor:g} times as fast as it may be",
        window=measured.duration(burn.long_s),
    )
