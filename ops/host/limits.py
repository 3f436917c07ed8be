"""Limits of a worker that the host holds itself: memory, a turning event loop, few child processes."""

import time
from contextlib import suppress
from typing import Any

import psutil

from ops.host.process import Worker

PROCESSES = 16
LEAST_PATIENCE_S = 5.0


class Guard:
    """Looks at one function's workers once a second; remembers since when each one's loop has stood still."""

    def __init__(self) -> None:
        self._beats: dict[int, tuple[int, float]] = {}

    def check(self, worker: Worker, manifest: dict[str, Any]) -> str | None:
        """The limit that the worker breaks, in words; `stuck` is in them when it must be killed at once."""
        if worker.has_ended:
            self._beats.pop(worker.pid, None)
            return None
        return self._loop(worker, manifest) or self._processes(worker) or self._memory(worker, manifest)

    def _memory(self, worker: Worker, manifest: dict[str, Any]) -> str | None:
        limit_mib = manifest["memory_mib"]
        used_mib = worker.memory_mib()
        return f"uses {used_mib:.0f} MiB, its limit is {limit_mib}" if used_mib > limit_mib else None

    def _loop(self, worker: Worker, manifest: dict[str, Any]) -> str | None:
        now, beats = time.monotonic(), worker.reading().heartbeats
        known, since = self._beats.get(worker.pid, (-1, now))
        if beats != known:
            self._beats[worker.pid] = (beats, now)
            return None
        patience_s = max(LEAST_PATIENCE_S, manifest["timeout_s"])
        return f"stuck: its event loop has not turned for {now - since:.0f} s" if now - since > patience_s else None

    def _processes(self, worker: Worker) -> str | None:
        with suppress(psutil.Error):
            children = psutil.Process(worker.pid).children(recursive=True)
            if len(children) > PROCESSES:
                _end(children)
                return f"stuck: it had started {len(children)} processes, {PROCESSES} are allowed"
        return None


def _end(processes: list[psutil.Process]) -> None:
    """Freeze all before killing any, so that none starts another meanwhile."""
    for action in ("suspend", "kill"):
        for process in processes:
            with suppress(psutil.Error):
                getattr(process, action)()
