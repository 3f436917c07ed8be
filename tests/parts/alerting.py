"""The alerts' cases: series of Prometheus past the level of each and short of it, by the levels of ops/slo.toml."""

from typing import NamedTuple

from ops.slo import load
from ops.slo import series as of

LEVELS = load()
ALERTS = LEVELS.alerts
MINUTES = 200
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


def of_answers() -> list[Case]:
    errors, slow = ALERTS.high_error_rate, ALERTS.slow_response_time
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
    ]


def of_models() -> list[Case]:
    deep = ALERTS.model_queue_deep
    return [
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


def of_the_machine() -> list[Case]:
    memory_limit, full, backup_s = ALERTS.high_memory_usage.limit, ALERTS.disk_full.limit, ALERTS.backup_too_old.limit
    backup, backup_at_m = f'{of.BACKUP_VERIFIED}{{instance="vps"}}', int(backup_s / 60) + 60
    return [
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
            "BackupTooOld",
            {backup: f"1x{backup_at_m}"},
            {"instance": "vps"},
            "the last backup that was restored for a try is too old, or there is none",
            {"young enough": {backup: f"{backup_at_m * 60 - backup_s / 2}x{backup_at_m}"}, "nobody makes any": {}},
            at_m=backup_at_m,
            step_m=20,
        ),
    ]


def of_what_answers() -> list[Case]:
    certificate, expiry = ALERTS.certificate_expires.limit, f"{of.CERTIFICATE_EXPIRY}{{{CHECKED}}}"
    function = 'job="edge",function="chat",instance="127.0.0.1:8080"'
    return [
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
    ]


CASES = [*of_answers(), *of_models(), *of_the_machine(), *of_what_answers()]
