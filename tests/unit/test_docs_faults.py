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
