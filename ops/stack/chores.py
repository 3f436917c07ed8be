"""Short programs that the supervisor starts from time to time, one at a time, without waiting for them."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from ops.stack import child
from ops.stack.parts import ROOT

DELAY_S = 15.0
PATIENCE_S = 5.0


class Chore:
    """Runs `python -m MODULE` every `interval_s`; the first time soon after the start. Output goes to `log_path`."""

    def __init__(self, module: str, environ: Mapping[str, str], log_path: Path, interval_s: float) -> None:
        self._module = module
        self._environ = environ
        self._log_path = log_path
        self._interval_s = interval_s
        self._due_at = time.monotonic() + DELAY_S
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pids(self) -> set[int]:
        """The process, while it runs."""
        return set() if self._process is None else {self._process.pid}

    def tick(self) -> None:
        """Start it when it is due, unless the last one still runs."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        if self._process is None and time.monotonic() >= self._due_at:
            self._due_at = time.monotonic() + self._interval_s
            with self._log_path.open("ab") as log:
                self._process = child.start(
                    [sys.executable, "-m", self._module],
                    account=None,
                    death_signal=signal.SIGTERM,
                    log=log,
                    environ=self._environ,
                    cwd=ROOT,
                )

    def stop(self) -> None:
        """End it; what it was doing is left half-done for the next one to clear up."""
        if self._process is not None:
            child.end(self._process, PATIENCE_S)
            self._process = None
