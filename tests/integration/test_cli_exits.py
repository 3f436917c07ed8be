"""Every verb that needs a running instance says the same, with the same exit status, where there is none."""

from pathlib import Path

import pytest

from tests.parts.commands import environ_of, run_edge
from tests.parts.stack import EDGE

VERBS = (("status",), ("list",), ("keys", "list"), ("deploy", "health"), ("invoke", "health"))


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_where_nothing_runs_a_verb_ends_with_the_status_of_no_host(tmp_path: Path, verb):
    done = run_edge([str(EDGE), *verb], environ_of(tmp_path))
    assert 4 == done.returncode, done.stderr
    assert str(tmp_path) in done.stderr
    assert "make up" in done.stderr
