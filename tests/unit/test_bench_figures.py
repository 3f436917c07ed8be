"""Ratios, aims, and pages: from made-up rounds."""

import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ops.bench import drawing, page, texts
from ops.bench.figure import Aim, Figure, Side, interleaved, plain, read, timed
from ops.bench.growth.page import FunctionRung, ShopRung, append, rungs, write
from ops.bench.latency import summary
from tests.parts.benchmarks import figure, report

ROOT = Path(__file__).parents[2]


def test_the_ratio_is_the_median_of_the_rounds_ratios_and_not_the_ratio_of_the_medians():
    assert 0.5 == figure((50, 400, 90), (100, 500, 180)).ratio
    assert figure((50, 400, 90)).ratio is None


def test_a_disturbed_machine_moves_the_clock_and_not_the_ratio_by_processor_time():
    assert 0.8 == figure((10, 2, 9), (20, 20, 1), cpu=(100, 80)).cpu_ratio
    assert figure((10,), (20,), better="lower", cpu=(100, 80)).cpu_ratio is None


@pytest.mark.parametrize(
    ("better", "rounds", "aim", "reached"),
    [
        ("higher", (60,), Aim(0.6, "ratio"), True),
        ("higher", (59,), Aim(0.6, "ratio"), False),
        ("lower", (130,), Aim(1.3, "ratio"), True),
        ("lower", (25.1,), Aim(25, "value"), False),
        ("lower", (25.1,), None, None),
    ],
)
def test_an_aim_is_of_the_value_or_of_the_ratio(better, rounds, aim, reached):
    assert reached is figure(rounds, (100,), better=better, aim=aim).reached


def test_each_side_comes_once_a_round_and_is_never_always_the_first():
    order = list(interleaved(["a", "b"], 2))
    assert [(0, "a"), (0, "b"), (1, "b"), (1, "a")] == order


def test_a_round_of_latencies_counts_by_its_median():
    side = timed("x", [[0.001, 0.002, 0.9], [0.004]])
    assert (2, 4) == side.rounds
    assert 4 == side.latency.count


def full_report():
    rung = Side(name="our pool", rounds=(2.0,), latency=summary([0.002]))
    floor = Side(name="pgbench", rounds=(1.5,), latency=summary([0.001]))
    rungs_ = [
        Figure(key=f"database.{size}", title=f"{size} <passages>", unit="ms", better="lower", ours=rung, floor=floor)
        for size in (1000, 10_000)
    ]
    return report(figure((60,), (100,), aim=Aim(0.6, "ratio"), cpu=(10, 5)), *rungs_)


def test_a_report_survives_being_written(tmp_path: Path):
    measured = full_report()
    written = page.write(measured, tmp_path)
    assert measured == read((tmp_path / "bench.json").read_bytes())
    assert 0.6 == plain(measured)["figures"][0]["ratio"]
    text = written.read_text("utf-8")
    assert "| the search.x | 60 a second | 100 (floor) | 0.60 (0.60 to 0.60) | 1 | 0.50 | ≥ 0.6 times reached |" in text
    assert "a machine" in text


def test_every_picture_is_whole_and_the_page_shows_it(tmp_path: Path):
    text = page.write(full_report(), tmp_path).read_text("utf-8")
    pictures = sorted(tmp_path.glob("*.svg"))
    assert ["bench-database.svg", "bench-processor.svg", "bench-ratios.svg"] == [path.name for path in pictures]
    for picture in pictures:
        assert ET.parse(picture).getroot().tag.endswith("svg")
        assert f"({picture.name})" in text


def test_every_name_of_a_legend_is_within_the_picture():
    names = [f"process {number}" for number in range(7)]
    text = drawing.bars("x", [("a row", dict.fromkeys(names, 1.0))], "µs")
    at = [float(node.get("x")) for node in ET.fromstring(text) if node.text in names]
    assert 7 == len(at)
    assert max(at) < drawing.WIDTH - drawing.MARGIN


def test_curves_keep_their_points_within_the_plane():
    text = drawing.curves("a < b", "x", "y", {"one": [(1, 0.5), (1_000_000, 300)]})
    circles = [node for node in ET.fromstring(text) if node.tag.endswith("circle")]
    left, top, width, height = drawing.PLOT
    assert 2 == len(circles)
    for circle in circles:
        assert left <= float(circle.get("cx")) <= left + width
        assert top <= float(circle.get("cy")) <= top + height


def test_no_question_and_no_document_comes_twice():
    for made in (texts.questions(1), texts.documents(1)):
        some = list(itertools.islice(made, 3000))
        assert 3000 == len(set(some))
    assert not set(itertools.islice(texts.questions(1), 500)) & set(itertools.islice(texts.questions(2), 500))


def test_growth_is_kept_by_rung_and_drawn(tmp_path: Path):
    log = tmp_path / "growth.jsonl"
    latency = summary([0.001, 0.002])
    sizes = {f"{name}_bytes": 2**20 for name in ("database", "passage", "passage_vector", "posting", "term")}
    for shops, cpu_ms in ((100, 1.0), (10, 0.5), (10, 0.7)):
        append(log, ShopRung(shops=shops, passages=1, search=latency, search_cpu_ms=cpu_ms, add=latency, **sizes))
    kept = {"learn": summary([0.05] * 20), "deploy": summary([0.45] * 20), "errors": 0, "at": "abc, load 0.1, now"}
    append(log, ShopRung(shops=3, passages=1, search=latency, search_cpu_ms=0.4, add=latency, **sizes, **kept))
    append(log, FunctionRung(functions=1, pss_mib=20, start_each_s=None, deploy_s=0.1, idle_share=0.001))
    append(log, FunctionRung(functions=10, pss_mib=90, start_each_s=0.04, deploy_s=0.1, idle_share=0.01))
    assert [0.4, 0.7, 1.0] == [rung.search_cpu_ms for rung in rungs(log, ShopRung)]
    tables = write(log, tmp_path)
    assert "| 100 | 1 | 1 / - / - | 1.0 | 1 / - / - | - | 1 | 1 | 1 | - | - | - |" in tables, "of before that was kept"
    assert (
        "| 3 | 1 | 1 / - / - | 0.4 | 1 / - / - | 50 / 50 / - | 1 | 1 | 1 | 450 / 450 / - | 0 | abc, load 0.1, now |"
        in tables
    )
    for name in ("growth-search", "growth-deploy", "growth-disk", "growth-functions"):
        ET.parse(tmp_path / f"{name}.svg")


def test_the_rivals_run_on_the_same_versions_as_the_product():
    run, rivals = (
        dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements" / name).read_text("utf-8"), re.MULTILINE))
        for name in ("run.txt", "bench.txt")
    )
    assert {"fastapi", "uvicorn"} <= rivals.keys()
    assert not {"fastapi", "uvicorn"} & run.keys()
    both = run.keys() & rivals.keys()
    assert {name: run[name] for name in both} == {name: rivals[name] for name in both}
