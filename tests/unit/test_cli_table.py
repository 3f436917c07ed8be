"""Tables on a terminal that is too narrow for them."""

import os
import pty
import subprocess
import sys

import pytest

SHOWN = """
from ops.cli.table import show
row = ("01a21457-429e-7058-921f-2361c0ffee00", "a_long_name", "2026-11-25T20:36:50+00:00", "12", "words at the end")
show(("id", "name", "created", "restarts", "why"), [row], {"restarts"})
"""


def on_terminal(columns: int) -> str:
    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", "NO_COLOR": "1"}
    subprocess.run([sys.executable, "-c", SHOWN], env=environ, stdout=theirs, check=True)
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
