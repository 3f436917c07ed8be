"""Each function keeps what its OpenAPI document promises, through nginx: schemathesis asks what a tester would not."""

import subprocess
import sys
from pathlib import Path

import pytest

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
# NUL is refused (I-JSON), which a schema cannot say.
CONFIGURATION = """
[generation]
allow-x00 = false
database = "none"
"""
# A stream that goes on for as long as its hand-off is open has tests of its own (tests/integration/test_handoff.py).
STREAMS = ("--exclude-path-regex", "/events$")
OPTIONS = ("--max-examples", "10", "--seed", "1", "--no-shrink", "--warnings", "off", "--phases", "coverage,fuzzing")


@pytest.mark.parametrize("function", ["health", "search", "learn", "conversations", "feedback", "handoff"])
def test_a_function_keeps_the_promises_of_its_document(stack, tmp_path, function):
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    run = subprocess.run(
        [
            *(SCHEMATHESIS, "--no-color", "--config-file", configuration, "run", *OPTIONS, *STREAMS),
            *("--header", f"Authorization: Bearer {stack.key()}"),
            f"{stack.address}/docs/{function}/openapi.json",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert 0 == run.returncode, run.stdout + run.stderr
