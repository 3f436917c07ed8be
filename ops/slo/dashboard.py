"""Grafana's dashboard: every level of ops/slo.toml beside what is measured, coloured by it."""

from typing import Any

from ops.slo import expressions as measured
from ops.slo import series as of
from ops.slo.elsewhere import elsewhere
from ops.slo.levels import Levels, Promised
from ops.slo.panels import DARK, GREEN, ORANGE, RED, Panel, Query, Row, Step, Text, laid_out

UID = "edge-service-levels"
SCHEMA = 39  # Grafana 11
CHOSEN = 'function=~"$function"'
SEARCHES = f"{of.SEARCH},{of.VISITORS}"
BY_FUNCTION = "{{function}}"


def dashboard(levels: Levels) -> dict[str, Any]:
    """The dashboard, as data to import."""
    rows = [
        Row("Promised", [*_answers(levels), *_response_times(levels), *_searches(levels), *_traffic(levels)]),
        Row("Alerts", [*_running(), *_machine(levels), *_queues(levels)]),
        Row("Aims", _aims(levels)),
        Row("Measured elsewhere", [Text(title="By drills and benchmarks", content=elsewhere(levels))]),
    ]
    return {
        "uid": UID,
        "title": "Cutting Edge: service levels",
        "tags": ["cutting-edge"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "panels": laid_out(rows),
    }


def _variables() -> list[dict[str, Any]]:
    """The source and the function. There is none for shops: no series has their names or numbers."""
    return [
        {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
        {
            "name": "function",
            "type": "query",
            "label": "Function",
            "datasource": {"type": "prometheus", "uid": "${source}"},
            "query": {"query": f"label_values({of.REQUESTS}, function)", "refId": "functions"},
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": ["All"], "value": ["$__all"]},
        },
    ]


def _chosen(recorded: str) -> Query:
    return Query(f"{recorded}{{{CHOSEN}}}", BY_FUNCTION)


def _answers(levels: Levels) -> list[Panel]:
    return [_availability(levels.promised), _budget(levels), _errors(levels)]


def _availability(promised: Promised) -> Panel:
    month = measured.duration(promised.availability_over_s)
    gone = f"avg_over_time({measured.unavailable(measured.WINDOW_S)}[{month}])"
    return Panel(
        title=f"Availability over {month}",
        text=f"Promised: {promised.availability:.2%}. Of requests, and of uptime checks.",
        unit="percentunit",
        queries=[Query(f"1 - {gone}", "{{sli}}")],
        steps=[(GREEN, promised.availability)],
        base=RED,
        kind="stat",
    )


def _budget(levels: Levels) -> Panel:
    allowed = f"{1 - levels.promised.availability:.10g}"
    return Panel(
        title="Error budget: speed of spending",
        text="1 spends it in exactly its month. An alert needs a long and a short window above the line.",
        unit="none",
        queries=[
            Query(f"{measured.unavailable(burn.long_s)} / {allowed}", f"{{{{sli}}}} {measured.duration(burn.long_s)}")
            for burn in levels.burn
        ],
        steps=[(RED if burn.severity == "critical" else ORANGE, burn.factor) for burn in levels.burn],
    )


def _errors(levels: Levels) -> Panel:
    promised, rollback = levels.promised, levels.rollback
    return Panel(
        title="Errors",
        text=f"Answers with 5xx. Promised: under {promised.error_rate:.0%}; critical over "
        f"{promised.error_rate_critical:.0%}; a new release goes back over {rollback.error_rate:.0%}.",
        unit="percentunit",
        queries=[_chosen(measured.ERRORS)],
        steps=[
            (ORANGE, promised.error_rate),
            (RED, promised.error_rate_critical),
            (RED, levels.alerts.high_error_rate.limit),
            (DARK, rollback.error_rate),
        ],
    )


def _response_times(levels: Levels) -> list[Panel]:
    promised = levels.promised
    beside: dict[float, list[Step]] = {
        0.5: [(RED, promised.response_p50_s)],
        0.95: [
            (ORANGE, promised.response_p95_s),
            (RED, levels.alerts.slow_response_time.limit),
            (DARK, levels.rollback.p95_s),
        ],
        0.99: [(RED, promised.response_p99_s)],
    }
    return [
        Panel(
            title=f"Response time, p{q * 100:g}",
            text="From the request to the first byte of its answer, of what visitors ask for.",
            unit="s",
            queries=[_chosen(measured.response(q))],
            steps=steps,
        )
        for q, steps in beside.items()
    ]


def _searches(levels: Levels) -> list[Panel]:
    promised = levels.promised
    within = measured.rate(of.RESPONSE_BUCKETS, f'{SEARCHES},le="{promised.search_s}"')
    return [
        Panel(
            title=f"Searches within {promised.search_s:g} s",
            text="Promised under the load test: each.",
            unit="percentunit",
            queries=[Query(f"{within} / {measured.rate(of.RESPONSE_COUNT, SEARCHES)}", BY_FUNCTION)],
            steps=[(GREEN, 1)],
            base=RED,
        ),
        Panel(
            title="Answers from a cache",
            text=f"Promised: more than {promised.cache_hit_rate:.0%}. What bridges an outage is no hit.",
            unit="percentunit",
            queries=[_chosen(measured.CACHE_HITS)],
            steps=[(GREEN, promised.cache_hit_rate)],
            base=RED,
        ),
        Panel(
            title="Search in the database, p95",
            text=f"Promised: under {promised.database_s:g} s. All of a search's statements together.",
            unit="s",
            queries=[Query(measured.quantile(0.95, of.PART_BUCKETS, f'{of.SEARCH},part="database"'), BY_FUNCTION)],
            steps=[(RED, promised.database_s)],
        ),
        Panel(
            title="Embedding of a question, p95",
            text=f"Promised: under {promised.embedding_s:g} s, waiting in the queue included.",
            unit="s",
            queries=[Query(measured.quantile(0.95, of.PART_BUCKETS, f'{CHOSEN},part="embedding"'), BY_FUNCTION)],
            steps=[(RED, promised.embedding_s)],
        ),
    ]


def _traffic(levels: Levels) -> list[Panel]:
    visits = f"{of.VISITORS},{CHOSEN}"
    return [
        Panel(
            title="Answers on a lower rung",
            text="What was missing: database, embeddings or the chat model. 1 while the embedding model is not asked.",
            unit="percentunit",
            queries=[
                Query(f"{measured.DEGRADED}{{{CHOSEN}}}", "{{function}} without {{rung}}"),
                Query(measured.circuit_open(), "{{function}} does not ask the model"),
            ],
            steps=[(RED, levels.alerts.answers_degraded.limit)],
        ),
        Panel(
            title="Requests",
            text="Answered, by status.",
            unit="reqps",
            queries=[Query(measured.rate(of.REQUESTS, visits, by="function, status"), "{{function}} {{status}}")],
        ),
    ]


def _running() -> list[Panel]:
    return [
        Panel(
            title="Uptime check",
            text="The health page, asked from outside.",
            unit="bool_on_off",
            queries=[Query(measured.UPTIME, "{{instance}}")],
            steps=[(GREEN, 1)],
            base=RED,
        ),
        Panel(
            title="Functions that answer",
            text="By their metrics.",
            unit="bool_on_off",
            queries=[Query(f'{of.UP}{{job="{of.FUNCTIONS_JOB}",{CHOSEN}}}', BY_FUNCTION)],
            steps=[(GREEN, 1)],
            base=RED,
        ),
        Panel(
            title="Requests in hand, and turned away",
            text="By a limit of the function: too many at once, or out of time.",
            unit="short",
            queries=[
                Query(f"{of.IN_FLIGHT}{{{CHOSEN}}}", "{{function}} in hand"),
                Query(
                    measured.rate(of.REFUSED, CHOSEN, by="function, reason"),
                    "{{function}} refused: {{reason}}, a second",
                ),
            ],
        ),
    ]


def _machine(levels: Levels) -> list[Panel]:
    alerts = levels.alerts
    return [
        Panel(
            title="Memory of the machine",
            text="In use.",
            unit="percentunit",
            queries=[Query(measured.memory_used(), "{{instance}}")],
            steps=[(RED, alerts.high_memory_usage.limit)],
        ),
        Panel(
            title="Disk",
            text="In use.",
            unit="percentunit",
            queries=[Query(measured.disk_used(), "{{instance}} {{mountpoint}}")],
            steps=[(RED, alerts.disk_full.limit)],
        ),
        Panel(
            title="Certificate: time left",
            text="Of the page that the uptime check asks for.",
            unit="s",
            queries=[Query(measured.certificate_left(), "{{instance}}")],
            steps=[(GREEN, alerts.certificate_expires.limit)],
            base=RED,
            kind="stat",
        ),
        Panel(
            title="Age of the last verified backup",
            text="Of the last one that was restored for a try.",
            unit="s",
            queries=[Query(measured.backup_age(), "{{instance}}")],
            steps=[(RED, alerts.backup_too_old.limit)],
            kind="stat",
        ),
    ]


def _queues(levels: Levels) -> list[Panel]:
    return [
        Panel(
            title="Queues for the models",
            text="Share of the places that are taken; when all are, more is refused.",
            unit="percentunit",
            queries=[
                Query(measured.queue_used(of.EMBED_WAITING, of.EMBED_LIMIT), "{{function}}, embedding"),
                Query(measured.queue_used(of.CHAT_WAITING, of.CHAT_LIMIT), "{{function}}, chat"),
            ],
            steps=[(RED, levels.alerts.model_queue_deep.limit)],
        )
    ]


def _aims(levels: Levels) -> list[Panel]:
    aims = levels.aims
    mib = 1024 * 1024
    return [
        Panel(
            title="Chat: first event and first token, p95",
            text=f"Aim: the first event within {aims.chat_first_event_p95_s:g} s.",
            unit="s",
            queries=[Query(measured.quantile(0.95, of.STREAM_BUCKETS, 'function="chat"', by="of"), "first {{of}}")],
            steps=[(RED, aims.chat_first_event_p95_s)],
        ),
        Panel(
            title="Memory of the functions",
            text=f"PSS of all. Aim: at most {aims.functions_memory_mib} MiB for {aims.functions}, idle.",
            unit="bytes",
            queries=[Query(f"sum({of.PSS})", "all"), Query(f"{of.PSS}{{{CHOSEN}}}", BY_FUNCTION)],
            steps=[(RED, aims.functions_memory_mib * mib)],
        ),
    ]
