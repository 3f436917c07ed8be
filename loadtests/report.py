"""The files of a run: verdict, tables, Locust's page, the picture."""

import csv
from pathlib import Path
from typing import Any

import msgspec
from locust.html import get_html_report
from locust.stats import PERCENTILES_TO_REPORT, StatsCSV

from loadtests.evidence import Evidence
from loadtests.options import Options
from loadtests.picture import draw
from loadtests.preflight import VERDICT
from loadtests.timeline import write_csv
from loadtests.verdict import Verdict
from ops.stack.environment import environment as machine


def write(folder: Path, locust: Any, options: Options, evidence: Evidence, verdict: Verdict) -> None:
    """Write all of them into the folder that `prepare` made; `locust` is Locust's environment. Raises OSError."""
    paths = [folder / name for name in (VERDICT, "samples.csv", "requests.csv", "failures.csv", "report.html")]
    told, samples, requests, failures, page = paths
    told.write_bytes(msgspec.json.format(msgspec.json.encode(_told(options, verdict))) + b"\n")
    write_csv(samples, evidence.samples)
    tables = StatsCSV(locust, PERCENTILES_TO_REPORT)
    for path, rows in ((requests, tables.requests_csv), (failures, tables.failures_csv)):
        with path.open("w", encoding="utf-8", newline="") as file:
            rows(csv.writer(file))
    page.write_text(get_html_report(locust, show_download_link=False), "utf-8")
    draw(folder / "latency.svg", verdict.scenario, evidence.samples, options.scenario.limit_ms)


def _told(options: Options, verdict: Verdict) -> dict[str, Any]:
    return {
        "scenario": verdict.scenario,
        "passed": verdict.passed,
        "late": verdict.late,
        "said": verdict.said,
        "rows": verdict.rows,
        "host": options.host,
        "scale": options.scale,
        "questions": options.questions.name if options.questions else "generated",
        "environment": machine(),
    }
