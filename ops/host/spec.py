"""What the host tells a worker, and what a worker tells the host."""

from collections.abc import Callable
from typing import Any

import msgspec

Say = Callable[[str], None]
# Steps that fail because of what is in the release; in the others the machine or the host is at fault.
STEPS_OF_RELEASE = frozenset({"import", "lifespan", "smoke", "memory", "processes"})


def silent(_: str) -> None:
    """Nobody is told of the steps."""


class WorkerSpec(msgspec.Struct, frozen=True):
    """One worker to fork: module `functions.NAME` below `root`.

    `log_path` is what it writes to once it has left the gate, `records` the folder in which it leaves its pid for a
    host that comes after this one, `cgroup` the file by which it enters its cgroup.
    """

    name: str
    root: str
    generation: int
    log_path: str
    records: str
    host_pid: int
    has_lifeline: bool
    cgroup: str | None = None


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line on the report pipe: a step reached (`import`, `lifespan`) or failed, with the reason.

    `manifest` (msgspec.to_builtins of `core.function.Function`) comes with the step `import`.
    """

    step: str
    failed: str | None = None
    manifest: dict[str, Any] | None = None


class StepFailedError(Exception):
    """A release did not become ready; `step` is where, `reason` is for the operator."""

    def __init__(self, name: str, step: str, reason: str) -> None:
        super().__init__(f"{name}: {step} failed: {reason.strip()}")
        self.name = name
        self.step = step
        self.reason = reason.strip()
        self.said: list[str] | None = None  # the last lines that its workers wrote; None where there were none


def is_of_release(error: BaseException) -> bool:
    """Whether another release might come up where this one did not."""
    return isinstance(error, StepFailedError) and error.step in STEPS_OF_RELEASE
