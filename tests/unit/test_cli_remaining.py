"""The remaining time of an import is that of what is written."""

from ops.cli.remaining import Pace, shown
from ops.importing.report import Report


def report(imported: int, unchanged: int, read: int) -> Report:
    return Report(imported=imported, unchanged=unchanged, read_bytes=read, total_bytes=1000)


def test_nothing_is_promised_before_anything_was_done():
    pace = Pace(100.0)
    assert pace.left_s(101.0, report(0, 0, 0)) is None
    assert "" == shown(None)


def test_what_is_there_already_counts_neither_as_speed_nor_as_time():
    pace = Pace(100.0)
    assert pace.left_s(102.0, report(0, 500, 500)) is None  # half of it in two seconds, nothing of it new
    assert 40.0 == pace.left_s(112.0, report(10, 500, 600))  # a tenth in ten
    assert 30.0 == pace.left_s(122.0, report(20, 500, 700))


def test_it_is_shown_in_hours_minutes_and_seconds():
    assert "0:01:15 left" == shown(75.4)
