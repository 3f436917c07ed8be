"""`make load`, `python -m loadtests`: Locust without its page; `--help` tells our options, which Locust's does not.

`make load-gate`, `python -m loadtests --gate`: the scenarios that gate, cut short, on a fresh instance of their own.
Exit status: 0 all passed, 3 a criterion was broken, 2 a scenario could not begin, 1 the instance did not come up. make
itself ends with 2 whatever failed: a script asks `python -m loadtests`.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from loadtests.options import explain
from loadtests.preflight import EDGE, ROOT, VERDICT
from loadtests.verdict import BROKEN
from ops.drill.stage import free_port

LOCUST = [str(Path(sys.executable).with_name("locust")), "-f", str(ROOT / "loadtests"), "--headless", "--only-summary"]
LOCUST += ["--loglevel", "WARNING"]
GATING = ("ramp", "mixed", "writes", "shops", "deploys", "overload")
SCALE = "0.05"
START_TIMEOUT_S = 120.0
TIMEOUT_S = 600.0


class NotUp(Exception):  # noqa: N818 - what the instance is
    """The instance did not start."""


@contextlib.contextmanager
def instance() -> Iterator[dict[str, str]]:
    """`edge up` in a folder that goes afterwards; the environment in which commands reach it. Raises NotUp."""
    with tempfile.TemporaryDirectory(prefix="edge-load-") as folder:
        Path(folder).chmod(0o755)  # servers that drop root's rights must get in
        environ = {name: text for name, text in os.environ.items() if not name.startswith("EDGE_")}
        environ |= {"EDGE_HOME": f"{folder}/home", "EDGE_PORT": str(free_port())}
        log = Path(folder) / "up.log"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                [EDGE, "up", "--with-parent"], cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
        ):  # fmt: skip
            try:
                _wait_up(process, log)
                yield environ
            finally:
                process.terminate()


def _wait_up(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while "Stop: " not in log.read_text("utf-8", "replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotUp(log.read_text("utf-8", "replace"))
        time.sleep(0.1)


def run(scenario: str, environ: dict[str, str], folder: Path) -> int:
    """One scenario; its exit status."""
    command = [*LOCUST, "--scenario", scenario, "--report", str(folder / scenario)]
    return subprocess.run(command, cwd=ROOT, env=environ, timeout=TIMEOUT_S, check=False).returncode


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
    told = verdict.read_bytes()  # empty where the report could not be written
    return bool(told and json.loads(told)["late"])


def gate() -> int:
    """Run them one after another, all of them whatever comes of one."""
    given = {name: text for name, text in os.environ.items() if name.startswith("EDGE_LOAD_")}
    folder = Path(given.pop("EDGE_LOAD_REPORT", "")) if given.get("EDGE_LOAD_REPORT") else ROOT / ".edge" / "load"
    try:
        with instance() as environ:
            made = subprocess.run(
                [EDGE, "keys", "create", "--operator", "--name", "load", "--json"],
                cwd=ROOT, env=environ, stdout=subprocess.PIPE, check=True,
            )  # fmt: skip
            environ |= {"EDGE_LOAD_SCALE": SCALE, **given, "EDGE_LOAD_KEY": json.loads(made.stdout)["key"]}
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
