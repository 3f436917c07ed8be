"""Prometheus' own configuration: what it asks, how often, and which rules it keeps."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ops.slo import series as of

INTERVAL = "15s"
# What Debian's packages listen on.
NODE = "127.0.0.1:9100"
BLACKBOX = "127.0.0.1:9115"
ALERTMANAGER = "127.0.0.1:9093"
RULES = "edge-rules.yml"


class Watched(msgspec.Struct, frozen=True):
    """An instance as Prometheus reaches it; `check_url` is what the uptime check asks for, from wherever it runs."""

    scheme: str
    address: str
    functions: Sequence[str]
    check_url: str


def prometheus(watched: Watched) -> dict[str, Any]:
    """The configuration, as data."""
    return {
        "global": {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL},
        "rule_files": [RULES],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [ALERTMANAGER]}]}]},
        "scrape_configs": [
            _functions(watched),
            _uptime(watched),
            {"job_name": "node", "static_configs": [{"targets": [NODE]}]},
        ],
    }


def _functions(watched: Watched) -> dict[str, Any]:
    # The label says which function's page does not answer; a page that does says so itself.
    return {
        "job_name": of.FUNCTIONS_JOB,
        "scheme": watched.scheme,
        "honor_labels": True,
        "static_configs": [
            {"targets": [watched.address], "labels": {"function": name, "__metrics_path__": f"/metrics/{name}"}}
            for name in watched.functions
        ],
    }


def _uptime(watched: Watched) -> dict[str, Any]:
    # As blackbox_exporter's documentation has it: the address that is asked becomes a parameter.
    return {
        "job_name": of.UPTIME_JOB,
        "metrics_path": "/probe",
        "params": {"module": ["http_2xx"]},
        "static_configs": [{"targets": [watched.check_url]}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": BLACKBOX},
        ],
    }
