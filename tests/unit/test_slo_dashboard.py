"""Grafana's dashboard: of the shape that Grafana imports, and coloured by ops/slo.toml."""

import itertools

import jsonschema
import pytest

from ops.slo import load
from ops.slo.dashboard import dashboard

LEVELS = load()
DASHBOARD = dashboard(LEVELS)
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
DRAWN = [panel for panel in DASHBOARD["panels"] if panel["type"] in {"timeseries", "stat"}]

# Of Grafana's documentation of the dashboard's JSON model; what Grafana fills in by itself may be absent.
TEXT = {"type": "string", "minLength": 1}
SOURCE = {
    "type": "object",
    "required": ["type", "uid"],
    "properties": {"type": {"const": "prometheus"}, "uid": {"const": "${source}"}},
}
PLACE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["x", "y", "w", "h"],
    "properties": {
        "x": {"type": "integer", "minimum": 0, "maximum": 23},
        "y": {"type": "integer", "minimum": 0},
        "w": {"type": "integer", "minimum": 1, "maximum": 24},
        "h": {"type": "integer", "minimum": 1},
    },
}
STEPS = {
    "type": "array",
    "minItems": 1,
    "prefixItems": [{"properties": {"value": {"type": "null"}}}],
    "items": {
        "type": "object",
        "required": ["color", "value"],
        "properties": {"color": TEXT, "value": {"type": "number"}},
    },
}
QUERY = {
    "type": "object",
    "required": ["refId", "expr", "legendFormat", "datasource"],
    "properties": {"refId": {"pattern": "^[A-Z]$"}, "expr": TEXT, "legendFormat": TEXT, "datasource": SOURCE},
}
PANEL = {
    "type": "object",
    "required": ["id", "type", "title", "gridPos"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "type": {"enum": ["row", "text", "timeseries", "stat"]},
        "title": TEXT,
        "gridPos": PLACE,
        "datasource": SOURCE,
        "targets": {"type": "array", "minItems": 1, "items": QUERY},
    },
    "if": {"properties": {"type": {"enum": ["timeseries", "stat"]}}},
    "then": {
        "required": ["targets", "datasource", "fieldConfig", "description"],
        "properties": {
            "fieldConfig": {
                "required": ["defaults", "overrides"],
                "properties": {
                    "defaults": {
                        "required": ["unit", "thresholds"],
                        "properties": {
                            "unit": TEXT,
                            "thresholds": {"properties": {"mode": {"const": "absolute"}, "steps": STEPS}},
                        },
                    }
                },
            }
        },
    },
}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["uid", "title", "schemaVersion", "templating", "time", "panels"],
    "properties": {
        "uid": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,40}$"},
        "title": TEXT,
        "schemaVersion": {"type": "integer", "minimum": 36},
        "templating": {
            "properties": {
                "list": {
                    "type": "array",
                    "items": {
                        "required": ["name", "type", "query"],
                        "properties": {"type": {"enum": ["datasource", "query"]}},
                    },
                }
            }
        },
        "panels": {"type": "array", "minItems": 1, "items": PANEL},
    },
}


def steps(title: str) -> list[float]:
    found = PANELS[title]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return [step["value"] for step in found[1:]]


def test_it_is_of_the_shape_that_grafana_imports():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(DASHBOARD, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_panels_have_numbers_of_their_own_and_do_not_overlap():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for one, other in itertools.combinations([panel["gridPos"] for panel in DASHBOARD["panels"]], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


@pytest.mark.parametrize("panel", DRAWN, ids=lambda panel: panel["title"])
def test_thresholds_rise_from_a_colour_without_a_figure(panel):
    base, *passed = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert base["value"] is None
    assert [step["value"] for step in passed] == sorted(step["value"] for step in passed)


def test_the_lines_are_the_service_levels():
    promised, alerts, rollback, aims = LEVELS.promised, LEVELS.alerts, LEVELS.rollback, LEVELS.aims
    expected = {
        "Availability over 30d": [promised.availability],
        "Errors": [
            promised.error_rate,
            promised.error_rate_critical,
            alerts.high_error_rate.limit,
            rollback.error_rate,
        ],
        "Response time, p50": [promised.response_p50_s],
        "Response time, p95": [promised.response_p95_s, alerts.slow_response_time.limit, rollback.p95_s],
        "Response time, p99": [promised.response_p99_s],
        "Answers from a cache": [promised.cache_hit_rate],
        "Embedding of a question, p95": [promised.embedding_s],
        "Search in the database, p95": [promised.database_s],
        "Memory of the machine": [alerts.high_memory_usage.limit],
        "Disk": [alerts.disk_full.limit],
        "Certificate: time left": [alerts.certificate_expires.limit],
        "Age of the last verified backup": [alerts.backup_too_old.limit],
        "Queues for the models": [alerts.model_queue_deep.limit],
        "Error budget: speed of spending": sorted(burn.factor for burn in LEVELS.burn),
        "Chat: first event and first token, p95": [aims.chat_first_event_p95_s],
        "Memory of the functions": [aims.functions_memory_mib * 2**20],
    }
    assert expected == {title: steps(title) for title in expected}


def test_a_function_can_be_chosen():
    by_function = [panel["title"] for panel in DRAWN if any("$function" in query["expr"] for query in panel["targets"])]
    assert {"Errors", "Response time, p95", "Requests", "Answers from a cache"} <= set(by_function)
