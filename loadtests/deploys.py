"""`edge deploy`, again and again, while the load goes on."""

import itertools
import subprocess
import time

from loadtests.preflight import EDGE, ROOT, instance_environ

# Those that the visitors use.
FUNCTIONS = ("search", "chat", "feedback", "health")
TIMEOUT_S = 120.0


class Deploys:
    """Deploys one function after another, evenly over a run; each makes a new generation, changed or not."""

    def __init__(self, count: int, length_s: float) -> None:
        self.done = 0
        self.said: list[str] = []
        self._count = count
        self._pause_s = length_s / (count + 1)

    @property
    def missing(self) -> int:
        """How many were refused or not made."""
        return self._count - self.done

    def run(self) -> None:
        """Until all are done."""
        began = time.monotonic()
        for number, function in enumerate(itertools.islice(itertools.cycle(FUNCTIONS), self._count), 1):
            time.sleep(max(0.0, began + number * self._pause_s - time.monotonic()))
            self.deploy(function)

    def deploy(self, function: str) -> None:
        """Deploy one, and count what became of it."""
        try:
            done = subprocess.run(
                [EDGE, "deploy", function, "--json"],
                cwd=ROOT, env=instance_environ(), capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            self.said.append(f"edge deploy {function}: {error}")
            return
        if done.returncode:
            self.said.append(f"edge deploy {function} ended with {done.returncode}: {done.stderr or done.stdout}")
        self.done += done.returncode == 0
