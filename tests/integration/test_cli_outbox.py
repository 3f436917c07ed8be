"""`edge outbox` on an outbox without a stack around it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.outbox.event import Event
from core.outbox.store import Store

EDGE = Path(sys.executable).with_name("edge")


@pytest.fixture
def events(tmp_path):
    """Two that were given up, and one that waits."""
    given = [Event(kind="turn", lane="database", shop_id=n, topic="t", payload=b"a secret") for n in (1, 2, 3)]
    store = Store(tmp_path / "outbox")
    store.put(given)
    for event in given[:2]:
        store.bury(event.id, "ValueError: broken")
    store.close()
    return given


def edge(tmp_path, *arguments):
    environ = {**os.environ, "EDGE_HOME": str(tmp_path)}
    return subprocess.run(
        [EDGE, "outbox", *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_what_waits_and_what_was_given_up_is_listed_without_its_content(tmp_path, events):
    run = edge(tmp_path, "list", "--json")
    listed = json.loads(run.stdout)
    assert [("dead", 1), ("dead", 1), ("waiting", 0)] == [(one["state"], one["attempts"]) for one in listed]
    assert [str(event.id) for event in events] == [one["id"] for one in listed]
    assert "secret" not in run.stdout
    table = edge(tmp_path, "list", "--dead").stdout.splitlines()
    assert (3, True) == (len(table), "ValueError: broken" in table[1])


def test_what_was_given_up_is_retried_or_dropped(tmp_path, events):
    assert {"retried": 1} == json.loads(edge(tmp_path, "retry", str(events[0].id), "--json").stdout)
    assert {"dropped": 1} == json.loads(edge(tmp_path, "drop", "--all", "--json").stdout)
    assert [events[0].id, events[2].id] == [stored.event.id for stored in Store(tmp_path / "outbox").listed()]
    assert "retried 0\n" == edge(tmp_path, "retry", "--all").stdout


@pytest.mark.usefixtures("events")
def test_wrong_usage_and_a_broken_file_are_said(tmp_path):
    assert 2 == edge(tmp_path, "drop").returncode
    (tmp_path / "outbox" / "outbox.db").write_bytes(b"nothing of SQLite's" * 100)
    run = edge(tmp_path, "list")
    assert (1, True) == (run.returncode, "not a database" in run.stderr)


def test_an_id_that_was_not_given_up_is_said_and_nothing_is_done(tmp_path, events):
    for verb in ("retry", "drop"):
        run = edge(tmp_path, verb, str(events[0].id), str(events[2].id))
        assert (1, True) == (run.returncode, f"nothing of this id was given up: {events[2].id}" in run.stderr)
    assert 2 == Store(tmp_path / "outbox").counts()[1]


@pytest.mark.parametrize("verb", [["list"], ["list", "--json"], ["retry", "--all"], ["drop", "--all"]])
def test_where_there_is_no_outbox_none_is_made(tmp_path, verb):
    run = edge(tmp_path / "elsewhere", *verb)
    assert (4, True) == (run.returncode, "there is no outbox in" in run.stderr)
    assert [] == list(tmp_path.iterdir())
