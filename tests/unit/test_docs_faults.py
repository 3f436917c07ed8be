"""docs/faults.md names tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`(tests/\S+\.py)::(\w+)`", (ROOT / "docs/faults.md").read_text("utf-8"))


def test_every_fault_names_a_test_that_there_is():
    assert len(NAMED) > 20
    missing = [
        (path, name)
        for path, name in NAMED
        if f"def {name}(" not in (ROOT / path).read_text("utf-8").replace("async ", "")
    ]
    assert [] == missing


# What the product promises to outlive, each by words that begin a row.
PROMISED = (
    *("PostgreSQL killed", "PostgreSQL slow", "PostgreSQL out of connections", "PostgreSQL's disk full"),
    *("PostgreSQL slow, out of connections, seen from outside", "PostgreSQL's disk full, seen from outside"),
    *("a migration that fails", "model server killed", "model server hung: the real process", "model server slow"),
    *("NaN, zeros", "vectors of another length", "another model behind the name", "an error inside a stream"),
    *("cache corrupted, deleted", "cache read-only", "cache's disk full", "cache read-only, seen from outside"),
    *("cache's disk full, seen from outside", "nginx killed", "nginx reloaded", "the clock set back"),
    "each part by turns, under load",
)


def test_every_fault_that_is_promised_has_a_row():
    rows = re.findall(r"^\| ([^|]+) \| `tests/", (ROOT / "docs/faults.md").read_text("utf-8"), re.MULTILINE)
    assert [] == [fault for fault in PROMISED if not any(row.startswith(fault) for row in rows)]


def test_the_drill_that_the_page_names_is_a_target_of_make():
    assert "`make drill-faults`" in (ROOT / "docs/faults.md").read_text("utf-8")
    assert "drill-faults:" in (ROOT / "Makefile").read_text("utf-8")
