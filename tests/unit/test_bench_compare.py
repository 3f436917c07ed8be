"""What counts as worse than before: from made-up rounds."""

import sys
from pathlib import Path

import msgspec
import pytest

import ops.bench.__main__ as command
from ops.bench import compare
from ops.bench.figure import Aim
from tests.parts.benchmarks import figure, report

FLOOR = (100, 100, 100, 100)


def verdicts(then, now):
    return {change.key: change.verdict for change in compare.compare(then, now)}


def said(then, now):
    return "\n".join(compare.sentences(compare.compare(then, now), then, now))


def test_worse_is_what_lies_beyond_all_rounds_of_before_by_more_than_noise():
    before = report(figure((100, 101, 102, 104), FLOOR))
    assert {"search.x": "worse"} == verdicts(before, report(figure((80, 81, 85, 90), FLOOR)))
    assert {"search.x": "better"} == verdicts(before, report(figure((120, 121, 122, 123), FLOOR)))
    # medians 20 % apart, but one round as before: noise; and all rounds below, but by 3 %: too little to say
    assert {"search.x": "same"} == verdicts(before, report(figure((80, 80, 82, 101), FLOOR)))
    assert {"search.x": "same"} == verdicts(before, report(figure((97, 98, 99, 99), FLOOR)))


@pytest.mark.parametrize(
    ("old", "new", "verdict"), [(1, 1, "few"), (3, 3, "few"), (2, 5, "few"), (3, 5, "worse"), (4, 4, "worse")]
)
def test_few_rounds_part_by_chance_and_say_nothing(old, new, verdict):
    before, now = report(figure((100,) * old)), report(figure((50,) * new))
    assert {"search.x": verdict} == verdicts(before, now)
    assert ("too few rounds to say: the search.x" in said(before, now)) == (verdict == "few")


def test_what_slows_the_floor_too_is_the_machine_and_not_the_product():
    before = report(figure((100, 102, 102, 104), FLOOR))
    assert {"search.x": "same"} == verdicts(before, report(figure((50, 51, 51, 52), (50, 50, 50, 50))))


def test_longer_is_worse_and_shorter_is_better():
    before = report(figure((10,) * 4, better="lower"))
    assert {"search.x": "worse"} == verdicts(before, report(figure((12,) * 4, better="lower")))
    assert {"search.x": "better"} == verdicts(before, report(figure((8,) * 4, better="lower")))


def test_a_share_is_worse_by_a_hundredth_of_the_whole():
    """Eight in a hundred of a recall are most of what there is to lose."""
    before = report(figure((1.0,) * 4, unit="share"))
    assert {"search.x": "worse"} == verdicts(before, report(figure((0.985,) * 4, unit="share")))
    assert {"search.x": "same"} == verdicts(before, report(figure((0.995,) * 4, unit="share")))


def test_an_aim_that_was_reached_and_is_missed_is_worse_even_of_one_round():
    aim = Aim(0.99, "value")
    before, now = (report(figure((recall,), unit="share", aim=aim)) for recall in (1.0, 0.985))
    assert {"search.x": "worse"} == verdicts(before, now)
    assert "the search.x (misses its aim of ≥ 0.99 share)" in said(before, now)
    assert {"search.x": "same"} == verdicts(now, now)


def test_another_aim_makes_no_figure_worse_that_is_what_it_was():
    before, now = (report(figure((70,) * 4, aim=Aim(limit, "value"))) for limit in (60, 90))
    assert {"search.x": "same"} == verdicts(before, now)


def test_more_errors_are_worse_however_quick_it_got():
    before, now = report(figure((100,) * 4)), report(figure((200,) * 4, errors=3))
    assert {"search.x": "worse"} == verdicts(before, now)
    assert "3 errors where there were 0" in said(before, now)
    assert {"search.x": "same"} == verdicts(now, now)


def test_a_figure_that_is_gone_is_named_unless_its_part_was_not_measured():
    before = report(figure((1,)), figure((1,), key="database.y"))
    now = report(figure((1,)))
    assert {"search.x": "same", "database.y": "gone"} == verdicts(before, now)
    assert "not measured any more: the database.y" in said(before, now)
    assert {"search.x": "same"} == verdicts(before, msgspec.structs.replace(now, parts=("search",)))


def main(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
    return command.main()


@pytest.mark.parametrize(
    ("rate", "failed", "status"),
    [(100, None, 0), (50, None, 1), (100, {"database": "did not start"}, 3), (50, {"database": "did not start"}, 3)],
)
def test_the_exit_status_tells_a_failed_part_and_what_got_worse(monkeypatch, tmp_path: Path, rate, failed, status):
    then, now = tmp_path / "then.json", tmp_path / "now.json"
    then.write_bytes(msgspec.json.encode(report(figure((100,) * 4))))
    now.write_bytes(msgspec.json.encode(report(figure((rate,) * 4), failed=failed)))
    assert status == main(monkeypatch, "--against", then, "--measured", now)


def test_a_part_that_raises_is_no_run_in_which_nothing_got_worse(monkeypatch, capsys, tmp_path: Path):
    def fails(_scale, _say):
        raise RuntimeError("postgres did not start")

    then = tmp_path / "then.json"
    here = command.environment()
    before = report(figure((1.0,), key="database.y"), parts=("database",), scale="tiny")
    then.write_bytes(msgspec.json.encode(msgspec.structs.replace(before, environment=here)))
    monkeypatch.setattr(command, "parts", lambda: {"database": (fails, "a part that fails")})
    assert 3 == main(monkeypatch, "--against", then)
    out = " ".join(capsys.readouterr().out.split())
    assert "failed, so nothing is said of it: database: RuntimeError: postgres did not start" in out
    assert "not measured any more: the database.y" in out


@pytest.mark.parametrize("where", [{"processor": "Q"}, {"cores": 4}, {"memoryGiB": 16}])
def test_runs_of_two_machines_are_not_compared(where):
    with pytest.raises(compare.NotComparableError, match=r"another machine.*make bench"):
        compare.require_same_machine(report(), report(**where))


def test_runs_of_two_scales_are_not_compared():
    with pytest.raises(compare.NotComparableError, match="quick"):
        compare.require_same_machine(report(scale="quick"), report())
