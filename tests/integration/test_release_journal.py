"""The journal on disk: durable, healed after a crash, bounded."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from ops.release import journal as journals
from ops.release.errors import JournalError, UnknownFunctionError
from ops.release.journal import Damage, Entry, Journal, entry_of
from tests.parts.full_disk import full_disk

HERE = Path(__file__).parents[2]
WRITE_FOREVER = """
import sys
from pathlib import Path
from ops.release.journal import Journal
journal, number = Journal(Path(sys.argv[1])), 0
while True:
    number += 1
    journal.append("one", "active", release=f"{sys.argv[2]}{number}", by="test", reason="x" * (number * 37 % 5000))
    print(number, flush=True)
"""


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(tmp_path / "journal")


def file_of(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "one.jsonl"


def test_what_was_appended_is_read_in_order_by_another(journal, tmp_path):
    first = journal.append("one", "deploying", release="b", previous="a", by="test")
    last = journal.append("one", "failed", release="b", step="import", reason="SyntaxError\nline 2 \udcff", by="test")
    assert (first, last) == Journal(tmp_path / "journal").entries("one")
    assert "SyntaxError\nline 2 ?" == last.reason
    assert 0o600 == file_of(tmp_path).stat().st_mode & 0o777


def test_an_unknown_function_has_no_history(journal):
    assert ((), None, None, ()) == (
        *(ask("one") for ask in (journal.entries, journal.active, journal.previous)),
        journal.names(),
    )


def test_functions_have_journals_of_their_own(journal):
    for name, release in (("two", "b"), ("one", "a")):
        journal.append(name, "active", release=release, by="test")
    assert ("one", "two") == journal.names()
    assert ("a", "b") == (journal.active("one"), journal.active("two"))


def test_a_name_is_never_a_path(journal):
    with pytest.raises(UnknownFunctionError):
        journal.append("../one", "active", by="test")


@pytest.mark.parametrize("cut", [1, 2, 10, 40])
def test_a_torn_last_line_is_not_read_and_the_next_append_heals_it(journal, tmp_path, cut):
    journal.append("one", "active", release="a", by="test")
    journal.append("one", "active", release="b", by="test")
    path = file_of(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    assert ["a"] == [entry.release for entry in journal.entries("one")]
    journal.append("one", "active", release="c", by="test")
    assert ["a", "c"] == [entry.release for entry in journal.entries("one")]
    assert 2 == len(path.read_bytes().splitlines())


def test_a_damaged_line_hides_no_other(journal, tmp_path):
    for release in "abc":
        journal.append("one", "active", release=release, by="test")
    lines = file_of(tmp_path).read_bytes().splitlines(keepends=True)
    file_of(tmp_path).write_bytes(lines[0] + b"\0" * 40 + b"\n" + lines[2])
    assert ["a", "c"] == [entry.release for entry in journal.entries("one")]


def test_a_writer_killed_at_any_instant_loses_nothing_that_it_had_acknowledged(journal, tmp_path):
    for run in range(6):
        command = [sys.executable, "-c", WRITE_FOREVER, str(tmp_path / "journal"), f"{run}-"]
        with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True) as writer:
            for _ in range(20 + run):
                line = writer.stdout.readline()
                assert int(journal.active("one").removeprefix(f"{run}-")) >= int(line)
            writer.kill()
            acknowledged = int((writer.stdout.read().splitlines() or [line])[-1])
        assert int(journal.active("one").removeprefix(f"{run}-")) - acknowledged in {0, 1}
    journal.append("one", "active", release="z", by="test")
    assert "z" == journal.active("one")
    assert all(msgspec.json.decode(line) for line in file_of(tmp_path).read_bytes().splitlines())


def test_two_writers_take_turns(journal, tmp_path):
    command = [sys.executable, "-c", WRITE_FOREVER, str(tmp_path / "journal")]
    writers = [subprocess.Popen([*command, mark], cwd=HERE, stdout=subprocess.PIPE) for mark in ("a", "b")]
    for writer in writers:
        assert [writer.stdout.readline() for _ in range(15)][-1]
    for writer in writers:
        writer.kill()
        writer.communicate()
    written = [entry.release for entry in journal.entries("one")]
    for mark in ("a", "b"):
        numbers = [int(release[1:]) for release in written if release.startswith(mark)]
        assert list(range(1, len(numbers) + 1)) == numbers


def test_a_full_disk_leaves_the_journal_as_it_was(journal, tmp_path):
    journal.append("one", "active", release="a", by="test")
    before = file_of(tmp_path).read_bytes()
    with full_disk(len(before) + 20), pytest.raises(JournalError, match="one cannot be written"):
        journal.append("one", "active", release="b", by="test")
    assert before == file_of(tmp_path).read_bytes()


def write_entries(tmp_path: Path, *events: tuple[str, str]) -> None:
    file_of(tmp_path).parent.mkdir(exist_ok=True)
    at = datetime.now(UTC)
    entries = (Entry(at=at, event=event, release=release, by="test") for event, release in events)
    file_of(tmp_path).write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))


def test_a_long_journal_keeps_the_newest_and_what_is_active(journal, tmp_path):
    write_entries(tmp_path, ("active", "a"), ("active", "b"), *[("failed", f"c{n}") for n in range(journals.LIMIT - 2)])
    assert journals.LIMIT == len(journal.entries("one"))
    last = journal.append("one", "deploying", release="d", by="test")
    kept = journal.entries("one")
    assert ["a", "b", *[f"c{n}" for n in range(799, 998)], "d"] == [entry.release for entry in kept]
    assert (last, "b", "a") == (kept[-1], journal.active("one"), journal.previous("one"))


def test_a_compaction_that_finds_no_space_keeps_every_entry(journal, tmp_path):
    write_entries(tmp_path, *[("active", f"c{n}") for n in range(journals.LIMIT)])
    (tmp_path / "journal" / ".one.jsonl.new").mkdir()  # what cannot be written over
    journal.append("one", "active", release="d", by="test")
    assert (journals.LIMIT + 1, "d") == (len(journal.entries("one")), journal.active("one"))


def test_a_line_of_which_a_byte_was_changed_is_not_believed(journal, tmp_path):
    journal.append("one", "active", release="aaaa", by="test")
    journal.append("one", "active", release="bbbb", by="test")
    content = file_of(tmp_path).read_bytes()
    file_of(tmp_path).write_bytes(content.replace(b"bbbb", b"cccc"))
    assert ("aaaa", Damage(1, hides_active=True)) == (journal.active("one"), journal.damage("one"))
    journal.append("one", "active", release="dddd", by="test")
    assert ("dddd", Damage(1, hides_active=False)) == (journal.active("one"), journal.damage("one"))


def test_an_intact_journal_has_no_damage(journal):
    assert Damage(0, hides_active=False) == journal.damage("one")
    journal.append("one", "failed", release="a", step="watch", reason='"sum":"00000000"}', by="test")
    assert Damage(0, hides_active=False) == journal.damage("one")


def test_lines_without_a_checksum_are_those_of_earlier_versions(journal, tmp_path):
    write_entries(tmp_path, ("active", "a"))
    assert ("a", Damage(0, hides_active=False)) == (journal.active("one"), journal.damage("one"))


def test_events_that_belong_together_are_written_at_once(journal):
    entries = [entry_of("active", release="a", by="test"), entry_of("failed", release="b", by="test")]
    with full_disk(150), pytest.raises(JournalError):
        journal.append_all("one", entries)
    assert () == journal.entries("one")
    journal.append_all("one", entries)
    assert entries == [*journal.entries("one")]


def test_what_is_no_journal_is_told_and_not_read(journal, tmp_path):
    journal.append("one", "active", release="a", by="test")
    for name in ("one.bak.jsonl", "notes.txt"):
        (tmp_path / "journal" / name).write_text("?")
    assert (("one",), ("notes.txt", "one.bak.jsonl")) == (journal.names(), journal.strays())
