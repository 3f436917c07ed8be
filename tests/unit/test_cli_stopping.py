"""Ctrl-C while a command is still being imported."""

import subprocess
import sys

import pytest

RUN = """
import sys
class Interrupts:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupts())
from ops.cli import main
main([{verb!r}], prog_name="edge")
"""


def interrupted(verb: str) -> subprocess.CompletedProcess[str]:
    module = {"up": "ops.cli.run", "dev": "ops.cli.dev", "deploy": "ops.cli.deploy"}[verb]
    command = [sys.executable, "-c", RUN.format(module=module, verb=verb)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("verb", ["up", "dev"])
def test_what_runs_in_the_foreground_says_one_calm_line(verb):
    done = interrupted(verb)
    assert (0, "stopped before anything was started\n", "") == (done.returncode, done.stdout, done.stderr)


def test_of_anything_else_it_is_a_failure():
    assert 1 == interrupted("deploy").returncode
