"""Logs that grow are cut while their writers go on."""

from pathlib import Path

from ops.stack.logs import bound


def test_a_log_over_the_limit_begins_anew_and_its_writer_goes_on(tmp_path: Path):
    path = tmp_path / "nginx" / "access.json"
    path.parent.mkdir()
    with path.open("ab", buffering=0) as writer:
        writer.write(b"x" * 101)
        assert [path] == bound(tmp_path, 100)
        writer.write(b"next")
    assert b"next" == path.read_bytes()
    assert b"x" * 101 == path.with_name("access.json.1").read_bytes()


def test_a_log_within_the_limit_and_other_files_stay(tmp_path: Path):
    (tmp_path / "search.log").write_bytes(b"x" * 100)
    (tmp_path / "other").write_bytes(b"x" * 1000)
    assert [] == bound(tmp_path, 100)
    assert 1000 == (tmp_path / "other").stat().st_size
