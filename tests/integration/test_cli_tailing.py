"""A log is read from its end, and followed over rotation and truncation without a line lost or doubled."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.cli import tailing
from ops.cli.tailing import Log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "one.log"
    path.write_bytes(b"first\nsecond\n")
    return path


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=30), st.integers(0, 40))
def test_the_tail_is_the_last_lines_of_the_file(tmp_path_factory, lines, count):
    path = tmp_path_factory.mktemp("tail") / "log"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    log = Log(path)
    assert (lines[-count:] if count else []) == log.tail(count)
    log.close()


def test_the_tail_of_a_long_log_does_not_need_all_of_it(path: Path):
    lines = [b"%d" % number * 100 for number in range(5000)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    assert path.stat().st_size > 3 * tailing.BLOCK_BYTES
    log = Log(path)
    assert lines[-7:] == log.tail(7)
    assert lines[-4000:] == log.tail(4000)
    log.close()


def test_it_goes_on_where_the_tail_ended_and_gives_whole_lines(path: Path):
    log = Log(path)
    assert [b"second"] == log.tail(1)
    append(path, b"third\nfou")
    assert [b"third"] == log.read()
    append(path, b"rth\n")
    assert [b"fourth"] == log.read()
    assert [] == log.read()
    log.close()


def test_a_rotated_log_is_read_to_its_end_before_the_new_one(path: Path):
    log = Log(path)
    log.tail(0)
    append(path, b"old\n")
    path.rename(path.with_suffix(".1"))
    append(path.with_suffix(".1"), b"older than the new\n")
    assert [b"old", b"older than the new"] == log.read()  # there is no new one yet
    append(path, b"new\n")
    assert [b"new"] == log.read()
    log.close()


def test_a_log_that_is_cut_is_read_from_its_beginning(path: Path):
    log = Log(path)
    log.tail(1)
    path.write_bytes(b"anew\n")
    assert [b"anew"] == log.read()
    log.close()


def test_a_log_that_is_not_there_yet_is_read_from_its_beginning(tmp_path: Path):
    log = Log(tmp_path / "later.log")
    assert ([], []) == (log.tail(5), log.read())
    append(tmp_path / "later.log", b"here\n")
    assert [b"here"] == log.read()
    log.close()
