"""`make load`, `python -m loadtests`: Locust without its page; `--help` tells our options, which Locust's does not.

`make load-gate`, `python -m loadtests --gate`: the scenarios that gate, cut short, on a fresh instance of their own.
Exit status: 0 all passed, 3 a criterion was broken, 2 a scenario could not begin, 1 the instance did not come up, or a
report could not be written. make itself ends with 2 whatever failed: a script asks `python -m loadtests`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from loadtests.options import explain
from loadtests.preflight import ROOT, VERDICT
from loadtests.verdict import BROKEN
from ops.stack.running import NotUp, running

LOCUST = [str(Path(sys.executable).with_name("locust")), "-f", str(ROOT / "loadtests"), "--headless", "--only-summary"]
LOCUST += ["--loglevel", "WARNING"]
GATING = ("ramp", "mixed", "writes", "shops", "deploys", "overload")
SCALE = "0.05"
TIMEOUT_S = 600.0


def run(scenario: str, environ: dict[str, str], folder: Path) -> int:
    """One scenario; its exit status."""
    command = [*LOCUST, "--scenario", scenario, "--report", str(folder / scenario)]
    return status_of(subprocess.run(command, cwd=ROOT, env=environ, timeout=TIMEOUT_S, check=False).returncode)


def status_of(returncode: int) -> int:
    """As a shell has it: one that a signal ended is worse than one that passed."""
    return returncode if returncode >= 0 else 128 - returncode


def judged(scenario: str, environ: dict[str, str], folder: Path) -> int:
    """One scenario of the gate; its exit status.

    Where nothing was broken but a time it gets a second run: a machine that stands still for a second breaks a limit
    once. A wrong answer is wrong the first time.
    """
    status = run(scenario, environ, folder)
    if not was_late(status, folder / scenario / VERDICT):
        return status
    sys.stderr.write(f"{scenario} took too long, and was right: it is run once more, and what that says counts\n")
    return run(scenario, environ, folder)


def was_late(status: int, verdict: Path) -> bool:
    """Whether a run with this status and verdict broke nothing but a limit of time."""
    if status != BROKEN:
        return False
    try:
        return bool(json.loads(verdict.read_bytes())["late"])
    except ValueError:  # the report could not be written
        return False


def gate() -> int:
    """Run them one after another, all of them whatever comes of one."""
    given = {name: text for name, text in os.environ.items() if name.startswith("EDGE_LOAD_")}
    folder = Path(given.pop("EDGE_LOAD_REPORT", "")) if given.get("EDGE_LOAD_REPORT") else ROOT / ".edge" / "load"
    try:
        with running() as stack:
            key = stack.edge("keys", "create", "--operator", "--name", "load")["key"]
            environ = {**stack.environ, "EDGE_LOAD_SCALE": SCALE, **given, "EDGE_LOAD_KEY": key}
            return max(judged(scenario, environ, folder) for scenario in GATING)
    except NotUp as error:
        sys.stderr.write(f"the instance did not come up:\n{error}\n")
        return 1


def main(arguments: list[str]) -> int:
    """What was asked for."""
    if "--gate" in arguments:
        return gate()
    if not {"-h", "--help"} & {*arguments}:
        os.execv(LOCUST[0], [*LOCUST, *arguments])  # noqa: S606 - a program of this environment
    explain()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
