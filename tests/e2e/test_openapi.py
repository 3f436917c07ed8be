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
# Of facts a schema cannot say which regions a country has or that intervals do not overlap (400), nor which version is
# in force (412, 428); of a conversation not that a question must stand at its end, and which model there is (400); of a
# message of the Model Context Protocol, which may carry anything beside, not what no body may carry (400: 1e308).
OWN_RULES = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "403", "404", "409", "412", "428", "429", "5xx"]
"""
OPTIONS = ("--max-examples", "10", "--seed", "1", "--no-shrink", "--warnings", "off", "--phases", "coverage,fuzzing")

ALL = ("health", "search", "learn", "facts", "chat", "feedback", "conversations", "handoff", "openai", "mcp")


@pytest.mark.parametrize("function", ALL)
def test_a_function_keeps_the_promises_of_its_document(stack, tmp_path, function):
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION + (OWN_RULES if function in {"facts", "openai", "mcp"} else ""))
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
