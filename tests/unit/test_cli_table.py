"""Tables on a terminal that is too narrow for them."""

import os
import pty
import re
import subprocess
import sys

import pytest

from ops.cli.table import show

SHOWN = """
from ops.cli.table import show
row = ("01a21457-429e-7058-921f-2361c0ffee00", "a_long_name", "2026-11-25T20:36:50+00:00", "12", "words at the end")
show(("id", "name", "created", "restarts", "why"), [row], {"restarts"})
"""

LISTED = """
from ops.cli.listing import COLUMNS, NUMBERS, _row
from ops.cli.table import show
facts = {"name": "conversations", "state": "serving", "release": "4f1f0c2a9d3e", "ageSeconds": 1980, "workers": [1],
    "workersWanted": 1, "memoryMiB": 112, "memoryLimitMiB": 256, "inFlight": 12, "concurrencyLimit": 64,
    "timeoutSeconds": 300, "restarts": 107, "failure": None, "left": None, "draining": []}
row = {**facts, **FACTS}
show(COLUMNS[:-1 if not FACTS else None], [_row(row)[:-1 if not FACTS else None]], NUMBERS)
"""


def on_terminal(columns: int, program: str = SHOWN) -> str:
    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", "NO_COLOR": "1"}
    subprocess.run([sys.executable, "-c", program], env=environ, stdout=theirs, check=True)
    os.close(theirs)
    found = os.read(ours, 65536).decode()
    os.close(ours)
    return found


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_nothing_but_the_last_column_is_ever_folded_or_cut(columns):
    shown = on_terminal(columns)
    assert "01a21457-429e-7058-921f-2361c0ffee00" in shown
    assert "2026-11-25T20:36:50+00:00" in shown
    assert " 12 " in shown
    assert "…" not in shown


def test_the_list_of_functions_fits_into_eighty_columns():
    shown = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(80, LISTED.replace("FACTS", "{}")))
    head, row = shown.splitlines()
    assert ("restarts", "107") == (head.split()[-1], row.split()[-1])
    assert max(len(head), len(row)) <= 80


def test_the_list_tells_of_releases_that_still_answer_and_of_one_that_was_gone_back_from():
    facts = {"draining": ["91bc00000000"], "left": "3f2a00000000 left by edge rollback (alice)"}
    shown = " ".join(on_terminal(200, LISTED.replace("FACTS", repr(facts))).split())
    assert "3f2a00000000 left by edge rollback (alice); draining 91bc00000000" in shown


def test_a_cell_stays_in_its_line_and_gives_the_terminal_no_orders(capsys):
    show(["file", "n"], [["new\nline\x1b[31m\u202e.md", "1"], [("é ü", "red"), "2"]])
    assert ["file                        n", r"new\nline\x1b[31m\u202e.md  1", "é ü                         2"] == (
        capsys.readouterr().out.splitlines()
    )
